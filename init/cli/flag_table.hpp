// SPDX-License-Identifier: Apache-2.0
// Every flag and environment variable that weir-init knows, with istio-iptables' names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weir::init {

enum class FlagId : std::uint8_t {
  outbound_port,
  inbound_port,
  tunnel_port,
  proxy_uid,
  proxy_gid,
  mode,
  inbound_ports,
  inbound_excluded_ports,
  excluded_interfaces,
  outbound_cidrs,
  outbound_excluded_cidrs,
  outbound_ports,
  outbound_excluded_ports,
  virtual_interfaces,
  virtual_networks,
  owner_groups,
  owner_groups_excluded,
  loopback_cidr,
  envoy_user,
  dry_run,
  dry_run_file,
  cleanup_only,
  skip_rule_apply,
  dual_stack,
  reconcile,
  force_apply,
  native_nftables,
  probe_port,
  probe_timeout,
  log_level,
  log_json,
  log_caller,
  log_stacktrace,
  log_target,
  tproxy_mark,
  tproxy_table,
  run_validation,
  redirect_dns,
  capture_all_dns,
  drop_invalid,
  network_namespace,
  cni_mode,
  iptables_binary,
  dns_port,
  skip_dns_zones,
  exclude_inbound_cidrs,
  exclude_ports_for_uids,
  ipv6,
  own_address,
  reject_quic,
  hold_until_listening,
  close_wait_timeout,
  backend,
  lock_timeout,
  verify,
  host,
  confirm,
  termination_log,
  config,
  compat,
  json,
  explain_uid,
  explain_gid,
  explain_to,
  explain_from,
  explain_protocol,
  explain_inbound,
  explain_interface,
  explain_mark,
  own_table,
  help,
  version,
  count
};

enum class FlagKind : std::uint8_t { text, boolean };

/// How --help groups them.
enum class FlagGroup : std::uint8_t { what, how, explain, accepted };

struct Flag {
  FlagId id{};
  std::string_view name;  // without dashes; empty: environment only
  char short_name = 0;    // 0 = none
  std::string_view
      variables;  // names of environment variables, separated by blanks; the first one set counts
  FlagKind kind{};
  FlagGroup group{};
  std::string_view help;  // default in brackets
};

std::span<const Flag> flag_table();
const Flag& flag_of(FlagId id);

}  // namespace weir::init
