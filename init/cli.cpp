// SPDX-License-Identifier: Apache-2.0
#include "init/cli.hpp"

#include <algorithm>
#include <string_view>

#include "init/explain_flags.hpp"
#include "init/invocation.hpp"
#include "init/value_parser.hpp"

namespace weir::init {
namespace {

constexpr std::size_t kOwnerGroupsMax =
    64;  // istio-iptables' limit, kept so that a set of flags works with both

Error refused(const RawValue& value) {
  return Error{value.source + ": '" + value.text +
               "' is not supported: this version of weir-init has REDIRECT with nftables only"};
}

Result<void> read_boolean(const RawFlags& flags, FlagId id, bool& target) {
  if (const auto& value = flags.get(id)) {
    TRY(target, parse_boolean(*value));
  }
  return {};
}

Result<void> read_port(const RawFlags& flags, FlagId id, std::uint16_t& target) {
  if (const auto& value = flags.get(id)) {
    TRY(target, parse_port(*value));
  }
  return {};
}

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

Result<void> refuse_when_true(const RawFlags& flags, FlagId id) {
  bool asked = false;
  TRY_VOID(read_boolean(flags, id, asked));
  if (asked) return refused(*flags.get(id));
  return {};
}

Result<void> refuse_unless(const RawFlags& flags, FlagId id, std::string_view accepted) {
  const auto& value = flags.get(id);
  if (value && !value->text.empty() && value->text != accepted) return refused(*value);
  return {};
}

Result<void> check_mode(const RawFlags& flags) {
  const auto& mode = flags.get(FlagId::mode);
  if (!mode || mode->text.empty() || mode->text == "REDIRECT") return {};
  if (mode->text == "TPROXY") return refused(*mode);
  return Error{mode->source + ": '" + mode->text + "': neither REDIRECT nor TPROXY"};
}

// What asks for something that comes later is refused by name; what asks for nothing is let
// through.
Result<void> check_later(const RawFlags& flags) {
  TRY_VOID(check_mode(flags));
  for (const FlagId id : {FlagId::run_validation, FlagId::redirect_dns, FlagId::capture_all_dns,
                          FlagId::drop_invalid, FlagId::cni_mode})
    TRY_VOID(refuse_when_true(flags, id));
  TRY_VOID(refuse_unless(flags, FlagId::tproxy_mark, "1337"));
  TRY_VOID(refuse_unless(flags, FlagId::tproxy_table, "133"));
  TRY_VOID(refuse_unless(flags, FlagId::network_namespace, ""));
  TRY_VOID(refuse_unless(flags, FlagId::iptables_binary, "nft"));
  bool native = true;
  TRY_VOID(read_boolean(flags, FlagId::native_nftables, native));
  if (!native) return refused(*flags.get(FlagId::native_nftables));
  return {};
}

// No effect here, but a typing error in them is one.
Result<void> check_accepted(const RawFlags& flags) {
  bool ignored = false;
  for (const FlagId id :
       {FlagId::dual_stack, FlagId::reconcile, FlagId::force_apply, FlagId::log_json})
    TRY_VOID(read_boolean(flags, id, ignored));
  std::uint16_t port = 0;
  TRY_VOID(read_port(flags, FlagId::probe_port, port));
  if (const auto& timeout = flags.get(FlagId::probe_timeout)) TRY_VOID(check_duration(*timeout));
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
  if (const auto& value = flags.get(FlagId::loopback_cidr)) {
    TRY(config.loopback_v4, parse_loopback(*value));
  }
  return {};
}

Result<void> read_config(const RawFlags& flags, const Environment& environment,
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

std::vector<std::string> warnings_for(const RedirectConfig& config) {
  std::vector<std::string> warnings;
  if (std::find(config.proxy_uids.begin(), config.proxy_uids.end(), 0u) != config.proxy_uids.end())
    warnings.emplace_back("proxy uid 0: no process that runs as root is intercepted");
  return warnings;
}

bool says_what_is_captured(const RawFlags& flags) {
  const auto& table = flag_table();
  return std::any_of(table.begin(), table.end(), [&](const Flag& flag) {
    return flag.group == FlagGroup::what && flags.get(flag.id);
  });
}

void append_flag_help(std::string& text, const Flag& flag) {
  constexpr std::size_t kColumn = 44;
  std::string line = flag.short_name != 0 ? std::string("  -") + flag.short_name + ", " : "      ";
  line += flag.name.empty() ? std::string("(environment only)") : "--" + std::string(flag.name);
  line.resize(std::max(line.size() + 2, kColumn), ' ');
  text += line + std::string(flag.help) + "\n";
  if (!flag.variables.empty()) {
    std::string names(flag.variables);
    if (const auto blank = names.find(' '); blank != std::string::npos) names.insert(blank, ",");
    text += std::string(kColumn, ' ') + "env " + names + "\n";
  }
}

void append_group_help(std::string& text, FlagGroup group, std::string_view title) {
  text += "\n" + std::string(title) + "\n";
  for (const Flag& flag : flag_table())
    if (flag.group == group) append_flag_help(text, flag);
}

}  // namespace

Result<Options> parse_options(std::span<const char* const> arguments,
                              const Environment& environment, std::string_view program) {
  TRY(Invocation invocation, read_invocation(program, arguments, environment));
  const RawFlags& flags = invocation.flags;
  Options options;
  options.command = invocation.command;
  options.shell = std::move(invocation.shell);
  TRY_VOID(read_boolean(flags, FlagId::help, options.help));
  TRY_VOID(read_boolean(flags, FlagId::version, options.version));
  if (options.help || options.version) return options;
  TRY_VOID(read_boolean(flags, FlagId::dry_run, options.dry_run));
  TRY_VOID(read_boolean(flags, FlagId::cleanup_only, options.cleanup_only));
  TRY_VOID(read_boolean(flags, FlagId::skip_rule_apply, options.skip_rule_apply));
  if (const auto& file = flags.get(FlagId::dry_run_file)) options.dry_run_file = file->text;
  TRY_VOID(read_boolean(flags, FlagId::json, options.json));
  // CLEANUP_ONLY in the environment must not turn a question into a removal.
  if (options.command == Command::install && options.cleanup_only)
    options.command = Command::cleanup;
  options.cleanup_only = options.command == Command::cleanup;
  // Cleaning up does not depend on the other flags, so they cannot stand in its way either.
  if (options.cleanup_only) return options;
  TRY_VOID(check_later(flags));
  TRY_VOID(check_accepted(flags));
  TRY_VOID(read_config(flags, environment, options.config));
  options.has_config = says_what_is_captured(flags);
  TRY(options.explain, read_explain_flags(flags, environment));
  if (options.command == Command::explain) TRY_VOID(check_query(options.explain));
  options.warnings = warnings_for(options.config);
  for (std::string& note : invocation.notes) options.warnings.push_back(std::move(note));
  return options;
}

std::string help_text() {
  std::string text =
      "weir-init: redirects the TCP connections of this network namespace to a proxy (nftables).\n"
      "Takes the flags and environment variables of istio-iptables; the command line wins.\n"
      "\n"
      "  weir-init -i '*' -b '*' -d 15090,15021,15020    capture everything but three ports\n"
      "  weir-init -i '*' -b '*' --dry-run               print the rules\n"
      "  weir-init --cleanup-only                        remove them\n"
      "\n"
      "Lists are separated by commas. Lists of ports and prefixes may be @FILE: any number of "
      "items\n"
      "a line, '#' starts a comment. (One argument or variable holds 128 KB at most.)\n";
  append_group_help(text, FlagGroup::what, "What is captured [default]:");
  append_group_help(text, FlagGroup::how, "What is done:");
  append_group_help(text, FlagGroup::accepted, "Accepted without effect:");
  append_group_help(text, FlagGroup::explain, "What 'explain' is asked about:");
  text +=
      "\nExit codes: 0 done, or nothing to do; 1 other error; 2 usage; 3 capability missing "
      "(CAP_NET_ADMIN);\n"
      "4 kernel feature missing; 5 conflict (table 'inet weir' belongs to somebody else);\n"
      "6 verification (the kernel holds other rules than were sent).\n";
  return text;
}

}  // namespace weir::init
