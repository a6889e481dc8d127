// SPDX-License-Identifier: Apache-2.0
// The flags of the modes: TPROXY, DNS, IPv6, and what happens to single kinds of connections.
#include <chrono>
#include <limits>

#include "init/cli/config_flags.hpp"
#include "init/cli/flag_reader.hpp"
#include "init/cli/resolv_conf.hpp"
#include "init/cli/value_parser.hpp"

namespace weir::init {
namespace {

constexpr std::string_view kResolvConf = "/etc/resolv.conf";

Result<void> read_tproxy(const RawFlags& flags, RedirectConfig& config) {
  constexpr std::pair<std::string_view, InboundMode> kModes[] = {
      {"REDIRECT", InboundMode::redirect}, {"TPROXY", InboundMode::tproxy}};
  TRY_VOID(read_choice(flags, FlagId::mode, kModes, config.inbound_mode));
  const auto& mark = flags.get(FlagId::tproxy_mark);
  if (mark && !mark->text.empty()) TRY_VOID(parse_mark(*mark, config.tproxy));
  const auto& table = flags.get(FlagId::tproxy_table);
  if (table && !table->text.empty()) {
    TRY(config.tproxy.route_table, parse_route_table(*table));
  }
  return {};
}

Result<void> read_dns(const RawFlags& flags, const Environment& environment, DnsCapture& dns) {
  bool redirect = false;
  bool all = false;
  bool skip_zones = false;
  TRY_VOID(read_boolean(flags, FlagId::redirect_dns, redirect));
  TRY_VOID(read_boolean(flags, FlagId::capture_all_dns, all));
  TRY_VOID(read_boolean(flags, FlagId::skip_dns_zones, skip_zones));
  TRY_VOID(read_port(flags, FlagId::dns_port, dns.port));
  dns.split_zones = !skip_zones;
  if (!redirect) return {};
  dns.scope = all ? DnsScope::all : DnsScope::servers;
  if (all) return {};
  const auto text = environment.read_file(std::string(kResolvConf));
  if (!text)
    return Error{flags.get(FlagId::redirect_dns)->source + ": " + text.error().message +
                 "; --capture-all-dns needs no list of servers"};
  const auto servers = parse_resolv_conf(*text);
  if (!servers) return servers.error().with_context(flags.get(FlagId::redirect_dns)->source);
  dns.servers = *servers;
  return {};
}

Result<void> read_close_wait(const RawFlags& flags, std::uint32_t& seconds) {
  const auto& value = flags.get(FlagId::close_wait_timeout);
  if (!value || value->text.empty()) return {};
  TRY(const std::chrono::milliseconds time, parse_duration(*value));
  // The kernel counts in jiffies, in 32 bits: with 1,000 a second that is 24 days for a signed
  // difference.
  constexpr auto kMax = std::chrono::hours(24 * 24);
  if (time.count() % 1000 != 0 || time > kMax)
    return Error{value->source + ": '" + value->text + "': not whole seconds up to 576h"};
  seconds = static_cast<std::uint32_t>(time.count() / 1000);
  return {};
}

}  // namespace

Result<void> read_modes(const RawFlags& flags, const Environment& environment,
                        RedirectConfig& config) {
  constexpr std::pair<std::string_view, Ipv6Mode> kIpv6[] = {
      {"capture", Ipv6Mode::capture}, {"block", Ipv6Mode::block}, {"ignore", Ipv6Mode::ignore}};
  constexpr std::pair<std::string_view, OwnAddress> kOwnAddress[] = {
      {"inbound", OwnAddress::inbound}, {"direct", OwnAddress::direct}};
  TRY_VOID(read_tproxy(flags, config));
  TRY_VOID(read_dns(flags, environment, config.dns));
  TRY_VOID(read_boolean(flags, FlagId::drop_invalid, config.drop_invalid));
  TRY_VOID(read_choice(flags, FlagId::ipv6, kIpv6, config.ipv6));
  TRY_VOID(read_choice(flags, FlagId::own_address, kOwnAddress, config.own_address));
  TRY_VOID(read_boolean(flags, FlagId::reject_quic, config.reject_quic));
  TRY_VOID(read_boolean(flags, FlagId::hold_until_listening, config.hold_until_listening));
  if (const auto& value = flags.get(FlagId::exclude_ports_for_uids)) {
    TRY(config.user_exclusions, parse_user_exclusions(*value, environment));
  }
  return read_close_wait(flags, config.close_wait_timeout);
}

}  // namespace weir::init
