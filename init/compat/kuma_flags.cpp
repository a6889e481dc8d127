// SPDX-License-Identifier: Apache-2.0
// The table of `kumactl install transparent-proxy`: flags, variables and configuration keys.
// Source: kumahq/kuma, app/kumactl/cmd/install/install_transparent_proxy.go and
// pkg/transparentproxy/config/config.go.
#include "init/compat/compat.hpp"

namespace weir::init {
namespace {

using enum FlagKind;
using enum ForeignUse;

#define KUMA_VARIABLE(name) "KUMA_TRANSPARENT_PROXY_" name

constexpr std::string_view kNoEbpf = "weir-init works with netfilter; leave eBPF mode out";

constexpr ForeignFlag kFlags[] = {
    {"kuma-dp-user", 0, text, meaning, KUMA_VARIABLE("KUMA_DP_USER"), "kumaDPUser"},
    {"kuma-dp-uid", 0, text, meaning, "", ""},
    {"ip-family-mode", 0, text, meaning, KUMA_VARIABLE("IP_FAMILY_MODE"), "ipFamilyMode"},
    {"ipv6-disabled", 0, boolean, meaning, "", ""},
    {"redirect-inbound", 0, boolean, meaning, KUMA_VARIABLE("REDIRECT_INBOUND_ENABLED"),
     "redirect.inbound.enabled"},
    {"redirect-inbound-port", 0, text, meaning, KUMA_VARIABLE("REDIRECT_INBOUND_PORT"),
     "redirect.inbound.port"},
    {"redirect-inbound-port-v6", 0, text, idle, "", "", false, "15006",
     "both families go to --redirect-inbound-port"},
    {"", 0, text, meaning, KUMA_VARIABLE("REDIRECT_INBOUND_INCLUDE_PORTS"),
     "redirect.inbound.includePorts"},
    {"exclude-inbound-ports", 0, text, meaning, KUMA_VARIABLE("REDIRECT_INBOUND_EXCLUDE_PORTS"),
     "redirect.inbound.excludePorts"},
    {"exclude-inbound-ips", 0, text, meaning,
     KUMA_VARIABLE("REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_IPS"), "redirect.inbound.excludePortsForIPs",
     true},
    {"", 0, text, refused, KUMA_VARIABLE("REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_UIDS"),
     "redirect.inbound.excludePortsForUIDs", true, "",
     "what comes from outside has no user in this namespace"},
    {"redirect-inbound-insert-instead-of-append", 0, boolean, moot,
     KUMA_VARIABLE("REDIRECT_INBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND"),
     "redirect.inbound.insertRedirectInsteadOfAppend"},
    {"", 0, boolean, meaning, KUMA_VARIABLE("REDIRECT_OUTBOUND_ENABLED"),
     "redirect.outbound.enabled"},
    {"redirect-outbound-port", 0, text, meaning, KUMA_VARIABLE("REDIRECT_OUTBOUND_PORT"),
     "redirect.outbound.port"},
    {"", 0, text, meaning, KUMA_VARIABLE("REDIRECT_OUTBOUND_INCLUDE_PORTS"),
     "redirect.outbound.includePorts"},
    {"exclude-outbound-ports", 0, text, meaning, KUMA_VARIABLE("REDIRECT_OUTBOUND_EXCLUDE_PORTS"),
     "redirect.outbound.excludePorts"},
    {"exclude-outbound-ips", 0, text, meaning,
     KUMA_VARIABLE("REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_IPS"),
     "redirect.outbound.excludePortsForIPs", true},
    {"exclude-outbound-ports-for-uids", 0, text, meaning,
     KUMA_VARIABLE("REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_UIDS"),
     "redirect.outbound.excludePortsForUIDs", true},
    {"exclude-outbound-tcp-ports-for-uids", 0, text, meaning, "", "", true},
    {"exclude-outbound-udp-ports-for-uids", 0, text, meaning, "", "", true},
    {"redirect-outbound-insert-instead-of-append", 0, boolean, moot,
     KUMA_VARIABLE("REDIRECT_OUTBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND"),
     "redirect.outbound.insertRedirectInsteadOfAppend"},
    {"redirect-dns", 0, boolean, meaning, KUMA_VARIABLE("REDIRECT_DNS_ENABLED"),
     "redirect.dns.enabled"},
    {"redirect-all-dns-traffic", 0, boolean, meaning, KUMA_VARIABLE("REDIRECT_DNS_CAPTURE_ALL"),
     "redirect.dns.captureAll"},
    {"redirect-dns-port", 0, text, meaning, KUMA_VARIABLE("REDIRECT_DNS_PORT"),
     "redirect.dns.port"},
    {"skip-dns-conntrack-zone-split", 0, boolean, meaning,
     KUMA_VARIABLE("REDIRECT_DNS_SKIP_CONNTRACK_ZONE_SPLIT"),
     "redirect.dns.skipConntrackZoneSplit"},
    {"", 0, text, refused, KUMA_VARIABLE("REDIRECT_DNS_RESOLV_CONFIG_PATH"),
     "redirect.dns.resolvConfigPath", false, "/etc/resolv.conf",
     "the servers are those of /etc/resolv.conf"},
    {"redirect-dns-upstream-target-chain", 0, text, idle, "", "", false, "RETURN",
     "the proxy's DNS requests leave directly"},
    {"vnet", 0, text, meaning, KUMA_VARIABLE("REDIRECT_VNET_NETWORKS"), "redirect.vnet.networks",
     true},
    {"drop-invalid-packets", 0, boolean, meaning, KUMA_VARIABLE("DROP_INVALID_PACKETS"),
     "dropInvalidPackets"},
    {"dry-run", 0, boolean, meaning, KUMA_VARIABLE("DRY_RUN"), "dryRun"},
    {"verbose", 0, boolean, moot, KUMA_VARIABLE("VERBOSE"), "verbose"},
    {"wait", 0, text, meaning, KUMA_VARIABLE("WAIT"), "wait"},
    {"wait-interval", 0, text, moot, KUMA_VARIABLE("WAIT_INTERVAL"), "waitInterval"},
    {"max-retries", 0, text, moot, KUMA_VARIABLE("RETRY_MAX_RETRIES"), "retry.maxRetries"},
    {"sleep-between-retries", 0, text, moot, KUMA_VARIABLE("RETRY_SLEEP_BETWEEN_RETRIES"),
     "retry.sleepBetweenRetries"},
    {"iptables-logs", 0, boolean, idle, KUMA_VARIABLE("LOG_ENABLED"), "log.enabled", false, "",
     "every rule counts instead, see weir-init status"},
    {"", 0, text, moot, KUMA_VARIABLE("LOG_LEVEL"), "log.level"},
    {"disable-comments", 0, boolean, idle, KUMA_VARIABLE("COMMENTS_DISABLED"), "comments.disabled",
     false, "", "the comments stay, status and explain show them"},
    {"iptables-executables", 0, text, idle, KUMA_VARIABLE("IPTABLES_EXECUTABLES"), "", false, "",
     "no program is run; --backend chooses"},
    {"", 0, text, moot, "", "iptablesExecutables.iptables"},
    {"", 0, text, moot, "", "iptablesExecutables.iptables-save"},
    {"", 0, text, moot, "", "iptablesExecutables.iptables-restore"},
    {"", 0, text, moot, "", "iptablesExecutables.ip6tables"},
    {"", 0, text, moot, "", "iptablesExecutables.ip6tables-save"},
    {"", 0, text, moot, "", "iptablesExecutables.ip6tables-restore"},
    {"store-firewalld", 0, boolean, refused, KUMA_VARIABLE("STORE_FIREWALLD"), "storeFirewalld",
     false, "", "the rules are not firewalld's; run weir-init at boot instead"},
    {"", 0, boolean, moot, KUMA_VARIABLE("CNI_MODE"), "cniMode"},
    {"ebpf-enabled", 0, boolean, refused, KUMA_VARIABLE("EBPF_ENABLED"), "ebpf.enabled", false, "",
     kNoEbpf},
    {"ebpf-instance-ip", 0, text, moot, KUMA_VARIABLE("EBPF_INSTANCE_IP"), "ebpf.instanceIP"},
    {"", 0, text, moot, KUMA_VARIABLE("EBPF_INSTANCE_IP_ENV_VAR_NAME"),
     "ebpf.instanceIPEnvVarName"},
    {"ebpf-bpffs-path", 0, text, moot, KUMA_VARIABLE("EBPF_BPFFS_PATH"), "ebpf.bpffsPath"},
    {"ebpf-cgroup-path", 0, text, moot, KUMA_VARIABLE("EBPF_CGROUP_PATH"), "ebpf.cgroupPath"},
    {"ebpf-programs-source-path", 0, text, moot, KUMA_VARIABLE("EBPF_PROGRAMS_SOURCE_PATH"),
     "ebpf.programsSourcePath"},
    {"ebpf-tc-attach-iface", 0, text, moot, KUMA_VARIABLE("EBPF_TC_ATTACH_IFACE"),
     "ebpf.tcAttachIface"},
    {"config", 0, text, meaning, "", "", true},
    {"config-file", 0, text, meaning, "", "", true},
    {"transparent-proxy-config", 0, text, meaning, "", "", true},
    {"transparent-proxy-config-file", 0, text, meaning, "", "", true},
    {"validation-server-port", 0, text, moot, "", ""},
};

}  // namespace

std::span<const ForeignFlag> kuma_flags() { return kFlags; }

}  // namespace weir::init
