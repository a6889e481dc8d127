// SPDX-License-Identifier: Apache-2.0
#include "init/cli/config_flags.hpp"

#include <algorithm>

#include "init/cli/flag_reader.hpp"
#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

// istio-iptables' limit, kept so that a set of flags works with both.
constexpr std::size_t kOwnerGroupsMax = 64;

Result<void> read_ports(const RawFlags& flags, FlagId id, Star star, const Environment& environment,
                        PortSet& target) {
  if (const auto& value = flags.get(id)) {
    TRY(target, parse_ports(*value, star, environment));
  }
  return {};
}

Result<void> read_interfaces(const RawFlags& flags, FlagId id,
                             std::vector<InterfacePattern>& target) {
  if (const auto& value = flags.get(id)) {
    TRY(target, parse_interfaces(*value));
  }
  return {};
}

std::uint32_t default_proxy_uid(const RawFlags& flags, const Environment& environment) {
  const auto& user = flags.get(FlagId::envoy_user);
  const auto database = environment.read_file("/etc/passwd");
  if (!database) return kProxyUid;
  return find_id(*database, user ? user->text : "istio-proxy").value_or(kProxyUid);
}

Result<void> read_identities(const RawFlags& flags, const Environment& environment,
                             RedirectConfig& config) {
  const auto& uids = flags.get(FlagId::proxy_uid);
  if (uids && uids->text == "none") {
    config.proxy_uids.clear();
  } else if (uids && !uids->text.empty()) {
    TRY(config.proxy_uids, parse_ids(*uids, IdKind::user, environment));
  } else {
    config.proxy_uids = {default_proxy_uid(flags, environment)};
  }
  const auto& gids = flags.get(FlagId::proxy_gid);
  if (gids && gids->text == "none") {
    config.proxy_gids.clear();
  } else if (gids && !gids->text.empty()) {
    TRY(config.proxy_gids, parse_ids(*gids, IdKind::group, environment));
  } else {
    config.proxy_gids = config.proxy_uids;
  }
  return {};
}

Result<void> read_owner_groups(const RawFlags& flags, const Environment& environment,
                               OwnerGroups& groups) {
  if (const auto& excluded = flags.get(FlagId::owner_groups_excluded)) {
    TRY(groups.excluded, parse_ids(*excluded, IdKind::group, environment));
  }
  const auto& included = flags.get(FlagId::owner_groups);
  if (!included || included->text == "*") return {};
  groups.all = false;
  TRY(groups.included, parse_ids(*included, IdKind::group, environment));
  if (groups.included.size() > kOwnerGroupsMax)
    return Error{included->source + ": " + std::to_string(groups.included.size()) +
                 " groups, at most " + std::to_string(kOwnerGroupsMax) + " are allowed"};
  return {};
}

Result<void> read_cidrs(const RawFlags& flags, const Environment& environment,
                        RedirectConfig& config) {
  if (const auto& value = flags.get(FlagId::outbound_cidrs)) {
    TRY(config.outbound_cidrs, parse_cidrs(*value, Star::allowed, environment));
  }
  if (const auto& value = flags.get(FlagId::outbound_excluded_cidrs)) {
    TRY(CidrList excluded, parse_cidrs(*value, Star::refused, environment));
    config.outbound_excluded_cidrs = std::move(excluded.ranges);
  }
  if (const auto& value = flags.get(FlagId::exclude_inbound_cidrs)) {
    TRY(CidrList excluded, parse_cidrs(*value, Star::refused, environment));
    config.inbound_excluded_sources = std::move(excluded.ranges);
  }
  if (const auto& value = flags.get(FlagId::loopback_cidr)) {
    TRY(config.loopback_v4, parse_loopback(*value));
  }
  return {};
}

Result<void> read_lists(const RawFlags& flags, const Environment& environment,
                        RedirectConfig& config) {
  TRY_VOID(read_port(flags, FlagId::outbound_port, config.outbound_port));
  TRY_VOID(read_port(flags, FlagId::inbound_port, config.inbound_port));
  const auto& tunnel = flags.get(FlagId::tunnel_port);
  if (tunnel && tunnel->text == "0") {
    config.tunnel_port = 0;  // none
  } else {
    TRY_VOID(read_port(flags, FlagId::tunnel_port, config.tunnel_port));
  }
  TRY_VOID(read_identities(flags, environment, config));
  TRY_VOID(
      read_ports(flags, FlagId::inbound_ports, Star::allowed, environment, config.inbound_ports));
  TRY_VOID(read_ports(flags, FlagId::inbound_excluded_ports, Star::refused, environment,
                      config.inbound_excluded_ports));
  TRY_VOID(read_cidrs(flags, environment, config));
  TRY_VOID(
      read_ports(flags, FlagId::outbound_ports, Star::refused, environment, config.outbound_ports));
  TRY_VOID(read_ports(flags, FlagId::outbound_excluded_ports, Star::refused, environment,
                      config.outbound_excluded_ports));
  TRY_VOID(read_interfaces(flags, FlagId::excluded_interfaces, config.excluded_interfaces));
  TRY_VOID(read_interfaces(flags, FlagId::virtual_interfaces, config.virtual_interfaces));
  if (const auto& networks = flags.get(FlagId::virtual_networks)) {
    TRY(config.virtual_networks, parse_virtual_networks(*networks));
  }
  return read_owner_groups(flags, environment, config.owner_groups);
}

}  // namespace

Result<RedirectConfig> read_config(const RawFlags& flags, const Environment& environment) {
  RedirectConfig config;
  TRY_VOID(read_lists(flags, environment, config));
  TRY_VOID(read_modes(flags, environment, config));
  return config;
}

std::vector<std::string> config_warnings(const RawFlags& flags, const RedirectConfig& config) {
  std::vector<std::string> warnings;
  if (std::find(config.proxy_uids.begin(), config.proxy_uids.end(), 0u) != config.proxy_uids.end())
    warnings.emplace_back("proxy uid 0: no process that runs as root is intercepted");
  bool all_dns = false;
  if (read_boolean(flags, FlagId::capture_all_dns, all_dns) && all_dns &&
      config.dns.scope == DnsScope::off)
    warnings.emplace_back(flags.get(FlagId::capture_all_dns)->source +
                          ": no effect without --redirect-dns");
  return warnings;
}

}  // namespace weir::init
