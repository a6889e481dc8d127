// SPDX-License-Identifier: Apache-2.0
// One table of configurations, as command lines: it drives the goldens and the round trips.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "init/cli/cli.hpp"

namespace weir::init {

struct Case {
  std::string name;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> variables;
};

inline const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"empty", {}, {}},
      {"basic",
       {"-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b",
        "*", "-d", "15090,15021,15020", "--log_output_level=default:info", "--force-apply"},
       {}},
      {"basic-exclude-nic", {"-i", "*", "-b", "*", "-c", "not-istio-nic,br+"}, {}},
      {"inbound-ports-include", {"-b", "32000,31000,8000-8010"}, {}},
      {"inbound-ports-wildcard", {"-b", "*"}, {}},
      {"inbound-ports-ignored-exclude", {"-b", "80", "-d", "80"}, {}},
      {"ip-range",
       {"-u", "3,4", "-g", "1,2", "-i", "1.1.0.0/16", "-x", "9.9.0.0/16", "-b", "*"},
       {}},
      {"ipnets", {"-i", "10.0.0.0/8,2001:db8::/32", "-x", "10.1.0.0/16,2001:db8:1::/48"}, {}},
      {"ipnets-aggregated",
       {"-i", "10.0.0.0/25,10.0.0.128/25,10.0.1.0/26,10.0.0.0/24,224.0.0.0/3,ff00::/8"},
       {}},
      {"ipnets-with-kube-virt-interfaces",
       {"-i", "10.0.0.0/8,2001:db8::/32", "-k", "eth1,eth2"},
       {}},
      {"kube-virt-interfaces", {"-i", "*", "-k", "eth1,eth2"}, {}},
      {"virtual-networks",
       {"-b", "*", "--virtual-networks", "docker0:203.0.113.0/24,br+:2001:db8:3::/64"},
       {}},
      {"everything-excluded", {"-i", "*", "-x", "0.0.0.0/0,::/0"}, {}},
      {"loopback-outbound-iprange", {"-i", "127.1.2.3/32", "-x", "1.1.0.0/16"}, {}},
      {"host-ipv4-loopback-cidr",
       {"-i", "*"},
       {{"ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.1/8"}}},
      {"outbound-owner-groups", {"-i", "*"}, {{"ISTIO_OUTBOUND_OWNER_GROUPS", "java,202"}}},
      {"outbound-owner-groups-none", {"-i", "*"}, {{"ISTIO_OUTBOUND_OWNER_GROUPS", ""}}},
      {"outbound-owner-groups-exclude",
       {"-i", "*"},
       {{"ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "888,ftp"}}},
      {"outbound-ports-include", {"-q", "32000,31000"}, {}},
      {"outbound-ports-exclude", {"-i", "*", "-o", "22,3306,6000-6010"}, {}},
      {"ports-of-its-own", {"-p", "16001", "-z", "16006", "-e", "16008", "-i", "*", "-b", "*"}, {}},
      {"multi-uid", {"-u", "3,4,istio-proxy", "-g", "1337", "-i", "*", "-b", "*"}, {}},
      {"ipv6-ipnets", {"-i", "2001:db8::/32", "-x", "2001:db8:2::/48,::ffff:0:0/96"}, {}},
      {"everything",
       {"-u", "1337,1338", "-i", "10.0.0.0/8,2001:db8::/32", "-x", "192.0.2.0/24,2001:db8:1::/48",
        "-b", "*", "-d", "15090", "-q", "9999", "-o", "22,53", "-c", "eth9", "-k", "tap0,vnet+"},
       {{"ISTIO_OUTBOUND_OWNER_GROUPS", "1,2,3"}}},
      {"tproxy", {"-m", "TPROXY", "-i", "*", "-b", "*", "-d", "15090,15021"}, {}},
      {"inbound-ports-tproxy", {"-m", "TPROXY", "-b", "32000,31000"}, {}},
      {"inbound-ports-wildcard-tproxy",
       {"-m", "TPROXY", "-b", "*", "-t", "0x10000", "-r", "99"},
       {}},
      {"inbound-ports-empty-tproxy", {"-m", "TPROXY", "-i", "*"}, {}},
      {"tproxy-everything",
       {"-m", "TPROXY", "-u", "1337,1338", "-b", "*", "-i", "10.0.0.0/8", "-c", "eth9", "-k",
        "tap0", "-o", "22", "--redirect-dns", "--drop-invalid", "--exclude-inbound-cidrs",
        "192.0.2.0/24,2001:db8::/32"},
       {}},
      {"dns-uid-gid", {"-u", "3,4", "-g", "1,2", "-i", "*", "-b", "*", "--redirect-dns"}, {}},
      {"dns-all", {"-i", "*", "--redirect-dns", "--capture-all-dns"}, {}},
      {"dns-without-zones",
       {"--redirect-dns", "--skip-dns-conntrack-zone-split", "--redirect-dns-port", "5300"},
       {}},
      {"dns-port-excluded", {"-i", "*", "--redirect-dns", "-o", "53"}, {}},
      {"dns-outbound-owner-groups",
       {"-i", "*", "--redirect-dns", "--capture-all-dns"},
       {{"ISTIO_OUTBOUND_OWNER_GROUPS", "java,202"}}},
      {"dns-outbound-owner-groups-exclude",
       {"-i", "*", "--redirect-dns"},
       {{"ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "888,ftp"}}},
      {"drop-invalid", {"-b", "*", "--drop-invalid", "-c", "eth9"}, {}},
      {"exclude-inbound-cidrs",
       {"-b", "*", "--exclude-inbound-cidrs", "192.0.2.0/24,2001:db8::/32"},
       {}},
      {"exclude-ports-for-uids",
       {"-i", "*", "--redirect-dns", "--exclude-outbound-ports-for-uids",
        "tcp:53,3000-5000:106-108,110;udp:53:106;*:7"},
       {}},
      {"reject-quic", {"-i", "*", "-x", "10.0.0.0/8", "--reject-quic"}, {}},
      {"reject-quic-of-a-port", {"-q", "443", "--reject-quic"}, {}},
      {"ipv6-block",
       {"-i", "10.0.0.0/8,2001:db8::/32", "-x", "2001:db8:1::/48", "-q", "9999", "-b", "*", "-d",
        "15021", "-k", "tap0", "-c", "eth9", "--redirect-dns", "--ipv6", "block"},
       {}},
      {"ipv6-ignore", {"-i", "*", "-b", "*", "--drop-invalid", "--ipv6", "ignore"}, {}},
      {"linkerd-like",
       {"-p", "4140", "-z", "4143", "-e", "0", "-u", "2102", "-g", "none", "-i", "*", "-b", "*",
        "--proxy-to-own-address", "direct"},
       {}},
      {"kernel-timeouts-and-refusals",
       {"-i", "*", "-b", "*", "--hold-until-listening=false", "--close-wait-timeout", "0"},
       {}},
  };
  return all;
}

/// Variables and the files that the cases need; no file of the machine is looked at.
inline Environment fake_environment(std::vector<std::pair<std::string, std::string>> variables = {},
                                    std::vector<std::pair<std::string, std::string>> files = {}) {
  files.emplace_back("/etc/passwd",
                     "root:x:0:0::/root:/bin/sh\nistio-proxy:x:1337:1337::/:/bin/false\n"
                     "other:x:4711:4711::/:\n");
  files.emplace_back("/etc/resolv.conf",
                     "search example.com\nnameserver 198.51.100.53\nnameserver 2001:db8::53\n");
  files.emplace_back("/etc/group", "root:x:0:\njava:x:200:\nftp:x:21:somebody\n");
  return Environment{
      [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        for (const auto& [key, value] : variables)
          if (key == name) return value;
        return std::nullopt;
      },
      [files = std::move(files)](const std::string& path) -> Result<std::string> {
        for (const auto& [key, text] : files)
          if (key == path) return text;
        return Error{"file '" + path + "': No such file or directory", 2};
      }};
}

inline Result<Options> parse(const std::vector<std::string>& arguments,
                             const Environment& environment) {
  std::vector<const char*> raw;
  for (const auto& argument : arguments) raw.push_back(argument.c_str());
  return parse_options(raw, environment);
}

}  // namespace weir::init
