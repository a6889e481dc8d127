// SPDX-License-Identifier: Apache-2.0
#include "init/flag_table.hpp"

#include <cassert>

namespace weir::init {
namespace {

using enum FlagKind;
using enum FlagGroup;

constexpr Flag kFlags[] = {
    {FlagId::outbound_port, "envoy-port", 'p', "", text, what,
     "port that outbound connections go to [15001]"},
    {FlagId::inbound_port, "inbound-capture-port", 'z', "INBOUND_CAPTURE_PORT", text, what,
     "port that inbound connections go to [15006]"},
    {FlagId::tunnel_port, "inbound-tunnel-port", 'e', "INBOUND_TUNNEL_PORT", text, what,
     "inbound port that is never redirected [15008]"},
    {FlagId::proxy_uid, "proxy-uid", 'u', "PROXY_UID", text, what,
     "users of the proxy, not redirected [uid of $ENVOY_USER, else 1337]"},
    {FlagId::proxy_gid, "proxy-gid", 'g', "PROXY_GID", text, what,
     "groups of the proxy, not redirected [as -u]"},
    {FlagId::inbound_ports, "istio-inbound-ports", 'b', "ISTIO_INBOUND_PORTS", text, what,
     "inbound ports to capture, or '*' [none]"},
    {FlagId::inbound_excluded_ports, "istio-local-exclude-ports", 'd', "ISTIO_LOCAL_EXCLUDE_PORTS",
     text, what, "inbound ports to leave alone when -b is '*' [none]"},
    {FlagId::outbound_cidrs, "istio-service-cidr", 'i', "ISTIO_SERVICE_CIDR", text, what,
     "outbound prefixes to capture, or '*' [none]"},
    {FlagId::outbound_excluded_cidrs, "istio-service-exclude-cidr", 'x',
     "ISTIO_SERVICE_EXCLUDE_CIDR", text, what, "outbound prefixes to leave alone [none]"},
    {FlagId::outbound_ports, "istio-outbound-ports", 'q', "ISTIO_OUTBOUND_PORTS", text, what,
     "outbound ports to capture whatever -i says [none]"},
    {FlagId::outbound_excluded_ports, "istio-local-outbound-ports-exclude", 'o',
     "ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE", text, what, "outbound ports to leave alone [none]"},
    {FlagId::excluded_interfaces, "istio-exclude-interfaces", 'c', "ISTIO_EXCLUDE_INTERFACES", text,
     what, "interfaces to leave alone, both directions; 'br+' = all that start with br [none]"},
    {FlagId::virtual_interfaces, "kube-virt-interfaces", 'k', "KUBE_VIRT_INTERFACES", text, what,
     "interfaces of guests: what comes in there is treated as outbound [none]"},
    {FlagId::owner_groups, "", 0, "ISTIO_OUTBOUND_OWNER_GROUPS", text, what,
     "groups whose outbound connections are captured, or '*', at most 64 ['*']"},
    {FlagId::owner_groups_excluded, "", 0, "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", text, what,
     "groups left alone when ISTIO_OUTBOUND_OWNER_GROUPS is '*' [none]"},
    {FlagId::loopback_cidr, "", 0, "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", text, what,
     "IPv4 loopback prefix that is never captured, /8 to /32 [127.0.0.1/32]"},
    {FlagId::envoy_user, "", 0, "ENVOY_USER", text, what,
     "user whose uid is the default of -u [istio-proxy]"},
    {FlagId::mode, "istio-inbound-interception-mode", 'm', "ISTIO_INBOUND_INTERCEPTION_MODE", text,
     how, "REDIRECT, the only mode of this version [REDIRECT]"},
    {FlagId::dry_run, "dry-run", 'n', "DRY_RUN", boolean, how,
     "print the rules as text for 'nft -f', change nothing [false]"},
    {FlagId::dry_run_file, "", 0, "DRY_RUN_FILE_PATH", text, how,
     "where --dry-run writes [standard output]"},
    {FlagId::cleanup_only, "cleanup-only", 0, "CLEANUP_ONLY", boolean, how,
     "remove everything of ours, whatever the other flags [false]"},
    {FlagId::skip_rule_apply, "skip-rule-apply", 0, "SKIP_RULE_APPLY", boolean, how,
     "check the flags, change nothing [false]"},
    {FlagId::help, "help", 'h', "", boolean, how, "print this"},
    {FlagId::version, "version", 0, "", boolean, how, "print the version"},
    {FlagId::dual_stack, "dual-stack", 0, "DUAL_STACK ISTIO_DUAL_STACK", boolean, accepted,
     "both families are always captured"},
    {FlagId::reconcile, "reconcile", 0, "RECONCILE", boolean, accepted, "drift is always repaired"},
    {FlagId::force_apply, "force-apply", 0, "FORCE_APPLY", boolean, accepted,
     "what differs is always replaced, and the comparison is complete"},
    {FlagId::native_nftables, "native-nftables", 0, "NATIVE_NFTABLES", boolean, accepted,
     "nftables is the only backend of this version"},
    {FlagId::probe_port, "iptables-probe-port", 0, "IPTABLES_PROBE_PORT", text, accepted,
     "used by --run-validation only"},
    {FlagId::probe_timeout, "probe-timeout", 0, "PROBE_TIMEOUT", text, accepted,
     "used by --run-validation only"},
    {FlagId::log_level, "log_output_level", 0, "", text, accepted,
     "the output is a few lines anyway"},
    {FlagId::log_json, "log_as_json", 0, "", boolean, accepted, "the output is a few lines anyway"},
    {FlagId::log_caller, "log_caller", 0, "", text, accepted, "the output is a few lines anyway"},
    {FlagId::log_stacktrace, "log_stacktrace_level", 0, "", text, accepted,
     "the output is a few lines anyway"},
    {FlagId::log_target, "log_target", 0, "", text, accepted, "the output is a few lines anyway"},
    {FlagId::tproxy_mark, "istio-inbound-tproxy-mark", 't', "ISTIO_INBOUND_TPROXY_MARK", text,
     later, "TPROXY; only 1337, the default, is accepted"},
    {FlagId::tproxy_table, "istio-inbound-tproxy-route-table", 'r',
     "ISTIO_INBOUND_TPROXY_ROUTE_TABLE", text, later, "TPROXY; only 133, the default, is accepted"},
    {FlagId::run_validation, "run-validation", 0, "RUN_VALIDATION", boolean, later,
     "traffic probe"},
    {FlagId::redirect_dns, "redirect-dns", 0, "REDIRECT_DNS ISTIO_META_DNS_CAPTURE", boolean, later,
     "DNS capture"},
    {FlagId::capture_all_dns, "capture-all-dns", 0, "CAPTURE_ALL_DNS", boolean, later,
     "DNS capture"},
    {FlagId::drop_invalid, "drop-invalid", 0, "DROP_INVALID INVALID_DROP", boolean, later,
     "drop packets without a connection"},
    {FlagId::network_namespace, "network-namespace", 0, "NETWORK_NAMESPACE", text, later,
     "another namespace than the own one"},
    {FlagId::cni_mode, "cni-mode", 0, "CNI_MODE", boolean, later, "running as a CNI plugin"},
    {FlagId::iptables_binary, "force-iptables-binary", 0, "FORCE_IPTABLES_BINARY", text, later,
     "iptables; only 'nft' is accepted"},
};
static_assert(std::size(kFlags) == static_cast<std::size_t>(FlagId::count));

}  // namespace

std::span<const Flag> flag_table() { return kFlags; }

const Flag& flag_of(FlagId id) {
  for (const Flag& flag : kFlags)
    if (flag.id == id) return flag;
  assert(false);
  return kFlags[0];
}

}  // namespace weir::init
