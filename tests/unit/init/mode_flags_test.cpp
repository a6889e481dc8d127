// SPDX-License-Identifier: Apache-2.0
// The flags of the modes and of how it is done.
#include <gtest/gtest.h>

#include "cases.hpp"

namespace weir::init {
namespace {

using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;

const std::string kServers =
    "# none\nsearch example.com\nnameserver 198.51.100.53\n"
    "  nameserver\t2001:db8::53%eth0  # tail\nnameserver 198.51.100.53\n";

Environment with_resolv_conf(const std::string& text = kServers) {
  return fake_environment({}, {{"/etc/resolv.conf", text}});
}

Options accepted(const Arguments& arguments, const Environment& environment = fake_environment()) {
  auto options = parse(arguments, environment);
  EXPECT_TRUE(options) << options.error().message;
  return options ? *options : Options{};
}

std::string refused(const Arguments& arguments,
                    const Environment& environment = fake_environment()) {
  const auto options = parse(arguments, environment);
  EXPECT_FALSE(options) << "accepted";
  return options ? "" : options.error().message;
}

TproxyMarks marks(const std::string& text) {
  return accepted({"-m", "TPROXY", "-t", text}).config.tproxy;
}

TEST(ModeFlags, Tproxy) {
  EXPECT_EQ(accepted({"-m", "TPROXY"}).config.inbound_mode, InboundMode::tproxy);
  EXPECT_EQ(accepted({"-m", "REDIRECT"}).config.inbound_mode, InboundMode::redirect);
  EXPECT_EQ(accepted({"-m", ""}).config.inbound_mode, InboundMode::redirect);
  EXPECT_EQ(accepted({"-r", "0x64"}).config.tproxy.route_table, 100u);
  EXPECT_EQ(refused({"-m", "NONE"}), "-m: 'NONE': not one of 'REDIRECT' and 'TPROXY'");
  for (const char* table : {"0", "253", "254", "255", "main", "-1"})
    EXPECT_EQ(refused({"-r", table}), "-r: '" + std::string(table) +
                                          "': not a routing table of its own: a number from 1, but "
                                          "for 253 to 255");
}

TEST(ModeFlags, MarksBringTheirMask) {
  EXPECT_EQ(marks("1337"), (TproxyMarks{1337, 0xfff, 133}));
  EXPECT_EQ(marks("0x539"), (TproxyMarks{1337, 0xfff, 133}));
  EXPECT_EQ(marks("0xfff"), (TproxyMarks{0xfff, 0x1fff, 133}));
  EXPECT_EQ(marks("70000"), (TproxyMarks{70000, 0x1ffff, 133}));
  EXPECT_EQ(marks("0x500/0xfff"), (TproxyMarks{0x500, 0xfff, 133}));
}

TEST(ModeFlags, MarksThatDoNotFitAreRefused) {
  for (const char* mark : {"0", "x", "-1", "0xffffffff", "4294967296"})
    EXPECT_EQ(
        refused({"-t", mark}),
        "-t: '" + std::string(mark) + "': not MARK or MARK/MASK with a mark from 1 to 0xfffffffe");
  EXPECT_EQ(refused({"-t", "1/"}), "-t: '1/': the mask is not a 32-bit number");
  for (const char* mark : {"1337/0xff", "255/0xff", "0x100/0xff00"})
    EXPECT_EQ(refused({"-t", mark}), "-t: '" + std::string(mark) +
                                         "': the mask must hold the mark and the one after it, "
                                         "both are used");
}

TEST(ModeFlags, DnsServersComeFromResolvConf) {
  const DnsCapture dns = accepted({"--redirect-dns"}, with_resolv_conf()).config.dns;
  EXPECT_EQ(dns.scope, DnsScope::servers);
  EXPECT_EQ(dns.servers, (std::vector<IpAddress>{*IpAddress::parse("198.51.100.53"),
                                                 *IpAddress::parse("2001:db8::53")}));
  EXPECT_EQ(accepted({"--redirect-dns"}, with_resolv_conf("search x\n")).config.dns.servers,
            (std::vector<IpAddress>{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")}));
  EXPECT_EQ(refused({"--redirect-dns"}, with_resolv_conf("\nnameserver dns.example.com\n")),
            "--redirect-dns: /etc/resolv.conf line 2: ip address 'dns.example.com': not an IPv4 or "
            "IPv6 address");
  Environment bare = fake_environment();
  bare.read_file = [](const std::string& path) -> Result<std::string> {
    return Error{"file '" + path + "': No such file or directory", 2};
  };
  EXPECT_EQ(refused({"--redirect-dns"}, bare),
            "--redirect-dns: file '/etc/resolv.conf': No such file or directory; "
            "--capture-all-dns needs no list of servers");
}

TEST(ModeFlags, AllDnsReadsNoFile) {
  const Options options = accepted({"--redirect-dns", "--capture-all-dns", "--redirect-dns-port",
                                    "5300", "--skip-dns-conntrack-zone-split"});
  EXPECT_EQ(options.config.dns, (DnsCapture{DnsScope::all, 5300, {}, false}));
  EXPECT_TRUE(options.warnings.empty());
  const Options alone = accepted({"--capture-all-dns"});
  EXPECT_EQ(alone.config.dns.scope, DnsScope::off);
  EXPECT_EQ(alone.warnings,
            std::vector<std::string>{"--capture-all-dns: no effect without --redirect-dns"});
}

TEST(ModeFlags, VariablesOfDnsAndInvalid) {
  EXPECT_EQ(accepted({}, fake_environment(
                             {{"ISTIO_META_DNS_CAPTURE", "true"}, {"CAPTURE_ALL_DNS", "true"}}))
                .config.dns.scope,
            DnsScope::all);
  EXPECT_TRUE(accepted({}, fake_environment({{"INVALID_DROP", "1"}})).config.drop_invalid);
  EXPECT_EQ(refused({}, fake_environment({{"REDIRECT_DNS", "yes"}})),
            "environment variable REDIRECT_DNS: 'yes': neither true nor false");
}

TEST(ModeFlags, SingleWords) {
  EXPECT_EQ(accepted({"--ipv6", "block"}).config.ipv6, Ipv6Mode::block);
  EXPECT_EQ(accepted({"--ipv6", "ignore"}).config.ipv6, Ipv6Mode::ignore);
  EXPECT_EQ(refused({"--ipv6", "off"}),
            "--ipv6: 'off': not one of 'capture', 'block' and 'ignore'");
  EXPECT_EQ(accepted({"--proxy-to-own-address=direct"}).config.own_address, OwnAddress::direct);
  EXPECT_TRUE(accepted({"--reject-quic"}).config.reject_quic);
  EXPECT_FALSE(accepted({"--hold-until-listening=false"}).config.hold_until_listening);
  EXPECT_EQ(accepted({"--exclude-inbound-cidrs", "192.0.2.0/24,2001:db8::/32"})
                .config.inbound_excluded_sources.size(),
            2u);
  EXPECT_EQ(refused({"--exclude-inbound-cidrs", "*"}),
            "--exclude-inbound-cidrs: item 1: '*': not allowed here: name the prefixes");
}

TEST(ModeFlags, TheCloseWaitTimeoutIsWholeSeconds) {
  EXPECT_EQ(accepted({"--close-wait-timeout", "90m"}).config.close_wait_timeout, 5400u);
  EXPECT_EQ(accepted({"--close-wait-timeout", "0"}).config.close_wait_timeout, 0u);
  EXPECT_EQ(accepted({}).config.close_wait_timeout, 3600u);
  for (const char* time : {"500ms", "577h"})
    EXPECT_EQ(refused({"--close-wait-timeout", time}),
              "--close-wait-timeout: '" + std::string(time) + "': not whole seconds up to 576h");
  EXPECT_EQ(refused({"--close-wait-timeout", "3600"}),
            "--close-wait-timeout: '3600': not a duration such as 5s, 500ms or 1m30s");
}

TEST(ModeFlags, UserExclusions) {
  const auto exclusions =
      accepted({"--exclude-outbound-ports-for-uids", "tcp:53,3000-5000:106-108;udp:53:other;*:0,5"})
          .config.user_exclusions;
  ASSERT_EQ(exclusions.size(), 3u);
  EXPECT_EQ(exclusions[0], (UserExclusion{false, *PortSet::parse("53,3000-5000"), {{106, 108}}}));
  EXPECT_EQ(exclusions[1], (UserExclusion{true, *PortSet::parse("53"), {{4711, 4711}}}));
  EXPECT_EQ(exclusions[2], (UserExclusion{false, PortSet::all(), {{0, 0}, {5, 5}}}));
  const std::string flag = "--exclude-outbound-ports-for-uids";
  EXPECT_EQ(refused({flag, "53:1;sctp:1:2"}),
            flag + ": item 2: 'sctp:1:2': 'sctp' is neither tcp nor udp");
  EXPECT_EQ(refused({flag, "53"}), flag + ": item 1: '53': not [PROTOCOL:]PORTS:USERS");
  EXPECT_EQ(refused({flag, "53:9-5"}),
            flag +
                ": item 1: '53:9-5': '9-5' is no user: a number, a range FIRST-LAST or a name in "
                "/etc/passwd");
  EXPECT_EQ(refused({flag, ":5"}), flag + ": item 1: ':5': no port; '*' for all");
}

TEST(ActionFlags, AreRead) {
  const Options options = accepted(
      {"--backend", "legacy", "--wait", "2s", "--verify=false", "--run-validation", "--host",
       "--confirm", "1m", "--termination-log", "/x", "--own-table", "--network-namespace", "pod"});
  EXPECT_EQ(options.backend, BackendKind::legacy);
  EXPECT_EQ(options.lock_timeout, 2s);
  EXPECT_FALSE(options.verify);
  EXPECT_TRUE(options.run_validation && options.host && options.own_table);
  EXPECT_EQ(options.confirm, 1min);
  EXPECT_EQ(options.termination_log, "/x");
  EXPECT_EQ(options.network_namespace, "pod");
}

TEST(ActionFlags, ThreeFlagsNameTheBackendAndMustAgree) {
  EXPECT_EQ(accepted({}).backend, BackendKind::automatic);
  EXPECT_EQ(accepted({"--native-nftables"}).backend, BackendKind::nftables);
  EXPECT_EQ(accepted({"--native-nftables=false"}).backend, BackendKind::automatic);
  EXPECT_EQ(accepted({"--force-iptables-binary", "legacy"}).backend, BackendKind::legacy);
  EXPECT_EQ(accepted({"--force-iptables-binary", "nft", "--backend", "nftables"}).backend,
            BackendKind::nftables);
  EXPECT_EQ(refused({"--backend", "legacy", "--native-nftables"}),
            "--native-nftables: 'true': another flag or variable asks for the other backend");
  EXPECT_EQ(refused({"--backend", "iptables"}),
            "--backend: 'iptables': not one of 'auto', 'nftables' and 'legacy'");
}

TEST(ActionFlags, DurationsAreGos) {
  const auto wait = [](const char* text) { return accepted({"--wait", text}).lock_timeout; };
  EXPECT_EQ(wait("1.5h"), 90min);
  EXPECT_EQ(wait("1m30s"), 90s);
  EXPECT_EQ(wait("1us"), 1ms);
  EXPECT_EQ(wait("0"), 0ms);
  for (const char* text : {"5", "s", "1x", "-1s", "1.2.3s", "1 s"})
    EXPECT_EQ(refused({"--wait", text}),
              "--wait: '" + std::string(text) + "': not a duration such as 5s, 500ms or 1m30s");
  EXPECT_EQ(refused({"--wait", "9000h"}), "--wait: '9000h': longer than a year");
}

TEST(ActionFlags, CountForCleaningUpToo) {
  const Options options = accepted({"--cleanup-only", "--network-namespace", "pod", "-b", "x"});
  EXPECT_TRUE(options.cleanup_only);
  EXPECT_EQ(options.network_namespace, "pod");
}

}  // namespace
}  // namespace weir::init
