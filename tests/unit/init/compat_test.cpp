// SPDX-License-Identifier: Apache-2.0
// The command lines of Kuma and linkerd: what each means here, and what is refused.
#include "init/compat/compat.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "cases.hpp"

namespace weir::init {
namespace {

using Arguments = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<Options> parse_as(std::string_view program, const Arguments& arguments,
                         const Environment& environment = fake_environment()) {
  std::vector<const char*> raw;
  for (const auto& argument : arguments) raw.push_back(argument.c_str());
  return parse_options(raw, environment, program);
}

Options accepted(std::string_view program, const Arguments& arguments,
                 const Environment& environment = fake_environment()) {
  auto options = parse_as(program, arguments, environment);
  EXPECT_TRUE(options) << options.error().message;
  return options ? *options : Options{};
}

std::string refused(std::string_view program, const Arguments& arguments,
                    const Environment& environment = fake_environment()) {
  const auto options = parse_as(program, arguments, environment);
  EXPECT_FALSE(options) << "accepted";
  return options ? "" : options.error().message;
}

PortSet ports(std::string_view text) { return *PortSet::parse(text); }
CidrRange cidr(std::string_view text) { return *CidrRange::parse(text); }

RedirectConfig linkerd_default() {
  RedirectConfig config;
  config.inbound_port = 4143;
  config.outbound_port = 4140;
  config.tunnel_port = 0;
  config.proxy_uids = {2102};
  config.proxy_gids = {};
  config.inbound_ports = PortSet::all();
  config.outbound_cidrs.all = true;
  config.own_address = OwnAddress::direct;
  return config;
}

Arguments linkerd(Arguments more = {}) {
  Arguments all{"--incoming-proxy-port", "4143", "--outgoing-proxy-port", "4140",
                "--proxy-uid",           "2102"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

RedirectConfig kuma_default() {
  RedirectConfig config;
  config.tunnel_port = 0;
  config.proxy_uids = {5678};
  config.proxy_gids = {};
  config.inbound_ports = PortSet::all();
  config.outbound_cidrs.all = true;
  return config;
}

TEST(CompatLinkerd, WhatItsInjectorPasses) {
  auto expected = linkerd_default();
  expected.inbound_excluded_ports = ports("4190,4191,4567-4568");
  expected.outbound_excluded_ports = ports("25-27,443");
  expected.close_wait_timeout = 3600;
  const Options options = accepted(
      "weir-init", linkerd({"--inbound-ports-to-ignore", "4190,4191,4567-4568",
                            "--outbound-ports-to-ignore", "25-27,443", "--timeout-close-wait-secs",
                            "3600", "--log-format", "plain", "--log-level", "info", "-w"}));
  EXPECT_EQ(options.config, expected);
  EXPECT_TRUE(options.warnings.empty());
  EXPECT_EQ(options.backend, BackendKind::automatic);
}

TEST(CompatLinkerd, IsKnownByNameByWordsByFlagAndByTheEnvironment) {
  const Arguments short_names{"-p", "4143", "-o", "4140", "-u", "2102"};
  const auto with = [&](Arguments words) {
    words.insert(words.end(), short_names.begin(), short_names.end());
    return words;
  };
  EXPECT_EQ(accepted("/usr/lib/linkerd/linkerd2-proxy-init", short_names).config,
            linkerd_default());
  EXPECT_EQ(accepted("proxy-init", short_names).config, linkerd_default());
  EXPECT_EQ(accepted("weir-init", with({"linkerd", "proxy-init"})).config, linkerd_default());
  EXPECT_EQ(accepted("weir-init", with({"--compat", "linkerd"})).config, linkerd_default());
  EXPECT_EQ(accepted("weir-init", with({"--compat=linkerd"})).config, linkerd_default());
  EXPECT_EQ(accepted("weir-init", linkerd()).config, linkerd_default());
  EXPECT_EQ(
      accepted("weir-init", short_names, fake_environment({{"WEIR_COMPAT", "linkerd"}})).config,
      linkerd_default());
  EXPECT_EQ(refused("weir-init", {"--compat", "consul"}),
            "--compat: 'consul': neither istio, kuma nor linkerd");
}

TEST(CompatLinkerd, ListedPortsLessTheIgnoredOnes) {
  auto expected = linkerd_default();
  expected.inbound_ports = ports("80,9000-9004,9007-9010");
  expected.inbound_excluded_ports = ports("443,9005-9006");
  EXPECT_EQ(accepted("proxy-init", linkerd({"-r", "80,443", "-r", "9000-9010",
                                            "--inbound-ports-to-ignore", "443,9005-9006"}))
                .config,
            expected);
}

TEST(CompatLinkerd, EachFlagMeansTheSame) {
  const auto changed = [](const Arguments& more) { return accepted("proxy-init", linkerd(more)); };
  auto expected = linkerd_default();
  expected.proxy_gids = {2103};
  EXPECT_EQ(changed({"--proxy-gid", "2103"}).config, expected);
  EXPECT_EQ(changed({"--proxy-gid", "-1"}).config, linkerd_default());
  expected = linkerd_default();
  expected.inbound_excluded_sources = {cidr("192.0.2.0/24"), cidr("2001:db8::/32")};
  EXPECT_EQ(changed({"--subnets-to-ignore", "192.0.2.0/24", "--subnets-to-ignore", "2001:db8::/32"})
                .config,
            expected);
  expected = linkerd_default();
  expected.ipv6 = Ipv6Mode::ignore;
  EXPECT_EQ(changed({"--ipv6=false"}).config, expected);
  expected = linkerd_default();
  expected.close_wait_timeout = 0;
  EXPECT_EQ(changed({"--timeout-close-wait-secs=0"}).config, expected);
  EXPECT_TRUE(changed({"--simulate"}).dry_run);
  EXPECT_EQ(changed({"--netns", "/run/netns/x"}).network_namespace, "/run/netns/x");
  EXPECT_EQ(changed({"--iptables-mode", "nft"}).backend, BackendKind::nftables);
  EXPECT_EQ(changed({"--iptables-mode", "legacy"}).backend, BackendKind::automatic);
  EXPECT_EQ(changed({"--firewall-bin-path", "/sbin/iptables-nft"}).backend, BackendKind::nftables);
  EXPECT_FALSE(changed({"--verify=false", "--backend", "nftables"}).verify);
}

TEST(CompatLinkerd, Refusals) {
  EXPECT_EQ(refused("proxy-init", {"-o", "4140"}),
            "flag '--incoming-proxy-port': missing; linkerd's proxy-init requires it");
  EXPECT_EQ(refused("proxy-init", linkerd({"--incoming-proxy-port", "70000"})),
            "--incoming-proxy-port: '70000': not a port from 1 to 65535");
  EXPECT_EQ(refused("proxy-init", linkerd({"--subnets-to-ignore", "10.0.0.0/33"})),
            "--subnets-to-ignore: item 1: '10.0.0.0/33': prefix length '33': not a number from 0 "
            "to 32");
  EXPECT_EQ(refused("proxy-init", linkerd({"--iptables-mode", "ebpf"})),
            "--iptables-mode: 'ebpf': neither legacy, nft nor plain");
  EXPECT_EQ(refused("proxy-init", linkerd({"--log-format", "xml"})),
            "--log-format: 'xml': neither plain nor json");
  EXPECT_EQ(refused("proxy-init", linkerd({"--timeout-close-wait-secs", "1h"})),
            "--timeout-close-wait-secs: '1h': not a number of seconds");
  EXPECT_EQ(refused("proxy-init", linkerd({"--proxy-uuid", "1"})),
            "flag '--proxy-uuid': unknown; did you mean '--proxy-uid'?");
  EXPECT_EQ(refused("proxy-init", linkerd({"extra"})).substr(0, 16), "command 'extra':");
}

TEST(CompatKuma, ItsDefaults) {
  EXPECT_EQ(accepted("kumactl", {"install", "transparent-proxy"}).config, kuma_default());
  EXPECT_EQ(accepted("weir-init", {"kumactl", "install", "transparent-proxy"}).config,
            kuma_default());
  EXPECT_EQ(accepted("weir-init", {"--compat", "kuma"}).config, kuma_default());
  auto named = kuma_default();
  named.proxy_uids = {700};
  const auto environment =
      fake_environment({}, {{"/etc/passwd", "kuma-dp:x:700:700::/:/bin/false\n"}});
  Environment first = environment;
  first.read_file = [](const std::string& path) -> Result<std::string> {
    if (path == "/etc/passwd") return std::string("kuma-dp:x:700:700::/:/bin/false\n");
    return Error{"none"};
  };
  EXPECT_EQ(accepted("kumactl", {"install", "transparent-proxy"}, first).config, named);
}

TEST(CompatKuma, Uninstalls) {
  for (const Arguments& arguments :
       {Arguments{"uninstall", "transparent-proxy"},
        Arguments{"uninstall", "transparent-proxy", "--verbose", "--config-file", "/missing"}}) {
    const Options options = accepted("/usr/bin/kumactl", arguments);
    EXPECT_TRUE(options.cleanup_only);
    EXPECT_EQ(options.command, Command::cleanup);
  }
  EXPECT_TRUE(accepted("kumactl", {"uninstall", "transparent-proxy", "--dry-run"}).dry_run);
  EXPECT_EQ(refused("kumactl", {"install", "control-plane"}),
            "argument 'control-plane': kumactl install is known with transparent-proxy only");
}

// One row for each flag that has a meaning: flag, variable, configuration, all three the same.
struct KumaRow {
  Arguments flags;
  Pairs variables;
  std::string document;
  void (*change)(RedirectConfig&);
};

const std::vector<KumaRow>& kuma_rows() {
  static const std::vector<KumaRow> rows{
      {{"--redirect-inbound=false"},
       {{"REDIRECT_INBOUND_ENABLED", "false"}},
       "redirect: {inbound: {enabled: false}}",
       [](RedirectConfig& c) { c.inbound_ports = {}; }},
      {{"--redirect-inbound-port", "16006"},
       {{"REDIRECT_INBOUND_PORT", "16006"}},
       "redirect: {inbound: {port: 16006}}",
       [](RedirectConfig& c) { c.inbound_port = 16006; }},
      {{"--exclude-inbound-ports", "22,80"},
       {{"REDIRECT_INBOUND_EXCLUDE_PORTS", "22,80"}},
       "redirect: {inbound: {excludePorts: [22, 80]}}",
       [](RedirectConfig& c) { c.inbound_excluded_ports = ports("22,80"); }},
      {{"--exclude-inbound-ips", "192.0.2.1", "--exclude-inbound-ips", "2001:db8::/32"},
       {{"REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_IPS", "192.0.2.1,2001:db8::/32"}},
       "redirect: {inbound: {excludePortsForIPs: [192.0.2.1, '2001:db8::/32']}}",
       [](RedirectConfig& c) {
         c.inbound_excluded_sources = {cidr("192.0.2.1"), cidr("2001:db8::/32")};
       }},
      {{"--redirect-outbound-port", "16001"},
       {{"REDIRECT_OUTBOUND_PORT", "16001"}},
       "redirect: {outbound: {port: 16001}}",
       [](RedirectConfig& c) { c.outbound_port = 16001; }},
      {{"--exclude-outbound-ports", "5432"},
       {{"REDIRECT_OUTBOUND_EXCLUDE_PORTS", "5432"}},
       "redirect: {outbound: {excludePorts: '5432'}}",
       [](RedirectConfig& c) { c.outbound_excluded_ports = ports("5432"); }},
      {{"--exclude-outbound-ips", "192.0.2.0/24,198.51.100.7"},
       {{"REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_IPS", "192.0.2.0/24,198.51.100.7"}},
       "redirect: {outbound: {excludePortsForIPs: [192.0.2.0/24, 198.51.100.7]}}",
       [](RedirectConfig& c) {
         c.outbound_excluded_cidrs = {cidr("192.0.2.0/24"), cidr("198.51.100.7")};
       }},
      {{"--exclude-outbound-ports-for-uids", "tcp:22:1000-2000",
        "--exclude-outbound-ports-for-uids", "1003"},
       {{"REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_UIDS", "tcp:22:1000-2000,1003"}},
       "redirect: {outbound: {excludePortsForUIDs: ['tcp:22:1000-2000', '1003']}}",
       [](RedirectConfig& c) {
         c.user_exclusions = {{false, ports("22"), {{1000, 2000}}},
                              {false, PortSet::all(), {{1003, 1003}}},
                              {true, PortSet::all(), {{1003, 1003}}}};
       }},
      {{"--kuma-dp-user", "other"},
       {{"KUMA_DP_USER", "other"}},
       "kumaDPUser: other",
       [](RedirectConfig& c) { c.proxy_uids = {4711}; }},
      {{"--ip-family-mode", "ipv4"},
       {{"IP_FAMILY_MODE", "ipv4"}},
       "ipFamilyMode: ipv4",
       [](RedirectConfig& c) { c.ipv6 = Ipv6Mode::ignore; }},
      {{"--drop-invalid-packets"},
       {{"DROP_INVALID_PACKETS", "true"}},
       "dropInvalidPackets: true",
       [](RedirectConfig& c) { c.drop_invalid = true; }},
      {{"--redirect-all-dns-traffic", "--redirect-dns-port", "15054",
        "--skip-dns-conntrack-zone-split"},
       {{"REDIRECT_DNS_CAPTURE_ALL", "true"},
        {"REDIRECT_DNS_PORT", "15054"},
        {"REDIRECT_DNS_SKIP_CONNTRACK_ZONE_SPLIT", "true"}},
       "redirect: {dns: {captureAll: true, port: 15054, skipConntrackZoneSplit: true}}",
       [](RedirectConfig& c) {
         c.dns = {DnsScope::all, 15054, {}, false};
       }},
      {{"--vnet", "docker0:203.0.113.0/24", "--vnet", "br+:2001:db8:3::/64"},
       {{"REDIRECT_VNET_NETWORKS", "docker0:203.0.113.0/24,br+:2001:db8:3::/64"}},
       "redirect: {vnet: {networks: ['docker0:203.0.113.0/24', 'br+:2001:db8:3::/64']}}",
       [](RedirectConfig& c) {
         c.virtual_networks.push_back({{"docker0", false}, cidr("203.0.113.0/24")});
         c.virtual_networks.push_back({{"br", true}, cidr("2001:db8:3::/64")});
       }},
      {{},
       {{"REDIRECT_INBOUND_INCLUDE_PORTS", "8080"}},
       "redirect: {inbound: {includePorts: [8080], excludePorts: [1]}}",
       [](RedirectConfig& c) { c.inbound_ports = ports("8080"); }},
      {{},
       {{"REDIRECT_OUTBOUND_INCLUDE_PORTS", "443"}},
       "redirect: {outbound: {includePorts: [443]}}",
       [](RedirectConfig& c) {
         c.outbound_cidrs = {};
         c.outbound_ports = ports("443");
       }},
      {{},
       {{"REDIRECT_OUTBOUND_ENABLED", "false"}},
       "redirect: {outbound: {enabled: false}}",
       [](RedirectConfig& c) { c.outbound_cidrs = {}; }},
  };
  return rows;
}

TEST(CompatKuma, FlagVariableAndConfigurationMeanTheSame) {
  for (const KumaRow& row : kuma_rows()) {
    auto expected = kuma_default();
    row.change(expected);
    if (!row.flags.empty()) {
      Arguments arguments{"install", "transparent-proxy"};
      arguments.insert(arguments.end(), row.flags.begin(), row.flags.end());
      EXPECT_EQ(accepted("kumactl", arguments).config, expected) << row.flags[0];
    }
    Pairs variables;
    for (const auto& [name, value] : row.variables)
      variables.emplace_back("KUMA_TRANSPARENT_PROXY_" + name, value);
    EXPECT_EQ(
        accepted("kumactl", {"install", "transparent-proxy"}, fake_environment(variables)).config,
        expected)
        << row.document;
    const auto files = fake_environment({}, {{"kuma.yaml", row.document}});
    for (const Arguments& arguments :
         {Arguments{"install", "transparent-proxy", "--config-file", "kuma.yaml"},
          Arguments{"install", "transparent-proxy", "--config", "kuma.yaml"},
          Arguments{"install", "transparent-proxy", "--config", row.document}})
      EXPECT_EQ(accepted("kumactl", arguments, files).config, expected) << row.document;
  }
}

TEST(CompatKuma, FlagsOverVariablesOverFilesOfWhichTheLastWins) {
  const auto environment = fake_environment(
      {{"KUMA_TRANSPARENT_PROXY_REDIRECT_OUTBOUND_PORT", "2"},
       {"KUMA_TRANSPARENT_PROXY_REDIRECT_INBOUND_PORT", "2"}},
      {{"a", "redirect: {inbound: {port: 3}, outbound: {port: 3}, dns: {port: 3}}\nwait: 3"},
       {"b", "redirect: {dns: {port: 4}}"}});
  const Options options = accepted("kumactl",
                                   {"install", "transparent-proxy", "--config-file", "a",
                                    "--config-file", "b", "--redirect-inbound-port", "1"},
                                   environment);
  EXPECT_EQ(options.config.inbound_port, 1);
  EXPECT_EQ(options.config.outbound_port, 2);
  EXPECT_EQ(options.config.dns.port, 4);
  EXPECT_EQ(options.lock_timeout, std::chrono::seconds(3));
}

TEST(CompatKuma, WhatHasNoEffectIsNotedAndWhatCannotBeIsRefused) {
  const auto install = [](Arguments more) {
    more.insert(more.begin(), {"install", "transparent-proxy"});
    return more;
  };
  const auto noted = accepted("kumactl", install({"--iptables-logs", "--disable-comments"}));
  ASSERT_EQ(noted.warnings.size(), 2u);
  EXPECT_EQ(noted.warnings[0],
            "--iptables-logs: no effect: every rule counts instead, see weir-init status");
  EXPECT_TRUE(accepted("kumactl", install({"--iptables-logs=false", "--verbose", "--max-retries",
                                           "4", "--redirect-inbound-insert-instead-of-append"}))
                  .warnings.empty());
  EXPECT_EQ(refused("kumactl", install({"--store-firewalld"})),
            "--store-firewalld: 'true' is not supported: the rules are not firewalld's; run "
            "weir-init at boot instead");
  EXPECT_EQ(refused("kumactl", install({"--ebpf-enabled"})).substr(0, 39),
            "--ebpf-enabled: 'true' is not supported");
  EXPECT_EQ(refused("kumactl", install({"--redirect-dns", "--redirect-all-dns-traffic"})),
            "--redirect-dns and --redirect-all-dns-traffic: one of the two, not both; the latter "
            "captures all DNS requests");
  EXPECT_EQ(refused("kumactl", install({"--ip-family-mode", "ipv6"})),
            "--ip-family-mode: 'ipv6': neither dualstack nor ipv4");
  EXPECT_EQ(refused("kumactl", install({"--exclude-outbound-ports-for-uids", "sctp:1:2"})),
            "--exclude-outbound-ports-for-uids: 'sctp:1:2': 'sctp' is neither tcp nor udp");
  EXPECT_EQ(refused("kumactl", install({"--vnet", "docker0"})),
            "--vnet: item 1: 'docker0': not INTERFACE:PREFIX");
  EXPECT_EQ(refused("kumactl", install({"--config", "redirect: {inbound: {prot: 1}}"})),
            "--config line 1: redirect.inbound.prot: unknown; did you mean "
            "'redirect.inbound.port'?");
  EXPECT_EQ(refused("kumactl", install({"--config", "redirect: 1: 2"})).substr(0, 8), "--config");
}

TEST(CompatIstio, TheProgramsWordsAreNoArguments) {
  EXPECT_EQ(accepted("pilot-agent", {"istio-iptables", "-b", "80"}).config.inbound_ports,
            ports("80"));
  EXPECT_EQ(accepted("weir-init", {"istio-iptables", "-b", "80"}).config.inbound_ports,
            ports("80"));
  EXPECT_TRUE(accepted("pilot-agent", {"istio-clean-iptables"}).cleanup_only);
}

TEST(CompatIstio, AValueThatLooksLikeAFlagOfOthersIsAValue) {
  EXPECT_EQ(accepted("weir-init", {"-k", "--compat=x"}).config.virtual_interfaces,
            (std::vector<InterfacePattern>{{"--compat=x", false}}));
  EXPECT_EQ(accepted("weir-init", {"-k", "--kuma-dp-user"}).config.virtual_interfaces,
            (std::vector<InterfacePattern>{{"--kuma-dp-user", false}}));
}

// Every flag of the tables is one that can be given, and no two are confused.
TEST(CompatTables, NamesVariablesAndKeysAreUnique) {
  for (const auto table : {kuma_flags(), linkerd_flags()}) {
    std::set<std::string_view> names, variables, keys;
    std::set<char> shorts;
    for (const ForeignFlag& flag : table) {
      EXPECT_FALSE(flag.name.empty() && flag.key.empty());
      EXPECT_TRUE(flag.name.empty() || names.insert(flag.name).second) << flag.name;
      EXPECT_TRUE(flag.variable.empty() || variables.insert(flag.variable).second);
      EXPECT_TRUE(flag.key.empty() || keys.insert(flag.key).second) << flag.key;
      EXPECT_TRUE(flag.short_name == 0 || shorts.insert(flag.short_name).second);
      const bool explains = flag.use == ForeignUse::idle || flag.use == ForeignUse::refused;
      EXPECT_EQ(explains, !flag.reason.empty()) << flag.name << flag.key;
    }
  }
}

}  // namespace
}  // namespace weir::init
