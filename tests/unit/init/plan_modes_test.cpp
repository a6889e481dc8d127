// SPDX-License-Identifier: Apache-2.0
// What the modes promise: TPROXY, DNS, hold, refusals, escapes, exclusions.
#include <algorithm>

#include <gtest/gtest.h>

#include "plan_fixture.hpp"

namespace weir::init {
namespace {

constexpr std::uint32_t kMark = 1337;
constexpr std::uint8_t kAck = 0x10;

class PlanModes : public Plan {
 protected:
  /// The comment of the rule that the packet met and that counts an escape, or nothing.
  std::string escape(const Sent& sent) {
    for (const RulePlace& place : send(sent).matched) {
      const std::string& comment = rules_.find_chain(place.chain)->rules[place.rule].comment;
      if (comment.starts_with(kEscapePrefix)) return comment.substr(kEscapePrefix.size() + 1);
    }
    return {};
  }
};

TEST_F(PlanModes, TproxyHandsInboundOverAsItIs) {
  configure({"-m", "TPROXY", "-i", "*", "-b", "*", "-d", "15021"});
  for (const Decision& taken :
       {receive({}), receive({.source = "2001:db8::1", .destination = "2001:db8::2"})}) {
    EXPECT_EQ(taken.landing, Landing::transparent);
    EXPECT_EQ(taken.port, 15006);
    EXPECT_EQ(taken.mark, kMark);
    EXPECT_EQ(taken.ct_mark, kMark + 1);
  }
  EXPECT_EQ(receive({.port = 15021}).landing, Landing::direct);
  EXPECT_EQ(receive({.port = 15008}).landing, Landing::direct);
  EXPECT_EQ(receive({.proxy_listens = false}).landing, Landing::dropped);
  EXPECT_EQ(out({}), 15001);
}

TEST_F(PlanModes, TproxyKnowsItsConnectionsByTheirMarkAlone) {
  configure({"-m", "TPROXY", "-b", "*"});
  const Sent later{.flags = kAck, .ct_state = kCtStateEstablished};
  EXPECT_EQ(receive(later).mark, 0u);  // from before the rules, or forwarded
  Sent taken = later;
  taken.ct_mark = kMark + 1;
  EXPECT_EQ(receive(taken).mark, kMark);
  EXPECT_EQ(receive(taken).landing, Landing::direct);
  Sent again{.ct_mark = kMark + 1};  // a first segment that is sent again meets the socket again
  EXPECT_EQ(receive(again).landing, Landing::transparent);
}

TEST_F(PlanModes, TproxyLeavesForeignBitsOfTheMark) {
  configure({"-m", "TPROXY", "-b", "*"});
  const Decision taken = receive({.mark = 0xabcd0000, .ct_mark = 0xabcd0000});
  EXPECT_EQ(taken.mark, 0xabcd0000 | kMark);
  EXPECT_EQ(taken.ct_mark, 0xabcd0000 | (kMark + 1));
}

TEST_F(PlanModes, TproxyTakesTheProxysCallsOfItsOwnNamespace) {
  configure({"-m", "TPROXY", "-i", "*", "-b", "80"});
  Sent own{.destination = "198.51.100.1", .port = 8080, .interface = "lo", .uid = 1337};
  EXPECT_EQ(send(own).landing, Landing::transparent);
  EXPECT_EQ(send(own).port, 15006);
  own.port = 15008;
  EXPECT_EQ(send(own).landing, Landing::direct);
  own = {.destination = "198.51.100.1", .interface = "lo"};
  EXPECT_EQ(send(own).landing, Landing::direct) << "the application calls itself";
  own = {.destination = "127.0.0.1", .interface = "lo", .uid = 1337};
  EXPECT_EQ(send(own).landing, Landing::direct) << "the proxy hands over";
  own = {.source = "127.0.0.6", .destination = "198.51.100.1", .interface = "lo", .uid = 1337};
  EXPECT_EQ(send(own).landing, Landing::direct) << "passthrough";
}

TEST_F(PlanModes, TproxyBringsAnswersToAProxyThatUsesTheClientsAddress) {
  configure({"-m", "TPROXY", "-i", "*", "-b", "*"});
  const Decision handed_over = send({.source = "192.0.2.9",
                                     .destination = "198.51.100.1",
                                     .interface = "lo",
                                     .uid = 1337,
                                     .mark = kMark});
  EXPECT_EQ(handed_over.landing, Landing::direct);
  EXPECT_EQ(handed_over.ct_mark, kMark);
  const Sent answer{.source = "198.51.100.1",
                    .destination = "192.0.2.9",
                    .flags = kAck | kTcpSyn,
                    .ct_mark = kMark,
                    .ct_state = kCtStateEstablished};
  EXPECT_EQ(send(answer).mark, kMark);
}

TEST_F(PlanModes, DnsOfTheListedServers) {
  configure({"-i", "*", "--redirect-dns"});
  const Sent question{.destination = "198.51.100.53", .port = 53, .protocol = IPPROTO_UDP};
  EXPECT_EQ(out(question), 15053);
  EXPECT_EQ(send(question).zone, kDnsZone);
  EXPECT_EQ(out({.destination = "198.51.100.53", .port = 53}), 15053);
  EXPECT_EQ(out({.source = "2001:db8::1",
                 .destination = "2001:db8::53",
                 .port = 53,
                 .protocol = IPPROTO_UDP}),
            15053);
  EXPECT_EQ(out({.destination = "198.51.100.54", .port = 53, .protocol = IPPROTO_UDP}), 0);
  EXPECT_EQ(out({.destination = "198.51.100.54", .port = 53}), 15001);
  Sent of_the_proxy = question;
  of_the_proxy.uid = 1337;
  EXPECT_EQ(out(of_the_proxy), 0);
  EXPECT_EQ(send(of_the_proxy).zone, 0);
}

TEST_F(PlanModes, DnsOfAllServersAndOfAResolverOnLoopback) {
  configure({"--redirect-dns", "--capture-all-dns"});
  for (const std::uint8_t protocol : {IPPROTO_UDP, IPPROTO_TCP}) {
    EXPECT_EQ(out({.port = 53, .protocol = protocol}), 15053);
    EXPECT_EQ(
        out({.destination = "127.0.0.53", .port = 53, .interface = "lo", .protocol = protocol}),
        15053);
    EXPECT_EQ(out({.destination = "127.0.0.53",
                   .port = 53,
                   .interface = "lo",
                   .uid = 1337,
                   .protocol = protocol}),
              0);
    // The proxy's question to a server of its own namespace is not taken for inbound traffic.
    EXPECT_EQ(out({.destination = "198.51.100.1",
                   .port = 53,
                   .interface = "lo",
                   .uid = 1337,
                   .protocol = protocol}),
              0);
  }
  const Sent answer{.source = "127.0.0.1",
                    .destination = "127.0.0.1",
                    .port = 40000,
                    .interface = "lo",
                    .uid = 1337,
                    .protocol = IPPROTO_UDP,
                    .source_port = 15053};
  EXPECT_EQ(send(answer).zone, kDnsZone);
}

TEST_F(PlanModes, DnsFollowsGroupsPortsAndInterfaces) {
  configure({"--redirect-dns", "--capture-all-dns", "-c", "eth9"},
            {{"ISTIO_OUTBOUND_OWNER_GROUPS", "java"}});
  EXPECT_EQ(out({.port = 53, .gid = 200, .protocol = IPPROTO_UDP}), 15053);
  EXPECT_EQ(out({.port = 53, .protocol = IPPROTO_UDP}), 0);
  EXPECT_EQ(out({.port = 53, .interface = "eth9", .gid = 200, .protocol = IPPROTO_UDP}), 0);
  configure({"--redirect-dns", "--capture-all-dns", "-o", "53"});
  EXPECT_EQ(out({.port = 53, .protocol = IPPROTO_UDP}), 0);
}

TEST_F(PlanModes, InvalidPacketsAreDropped) {
  configure({"-b", "*", "--drop-invalid", "-c", "eth9"});
  EXPECT_EQ(receive({.flags = kAck, .ct_state = kCtStateInvalid}).landing, Landing::dropped);
  EXPECT_EQ(receive({.interface = "eth9", .flags = kAck, .ct_state = kCtStateInvalid}).landing,
            Landing::direct);
  EXPECT_EQ(receive({.flags = kAck, .ct_state = kCtStateEstablished}).landing, Landing::direct);
}

TEST_F(PlanModes, ConnectionsWaitForTheProxy) {
  configure({"-i", "*", "-b", "*", "--redirect-dns", "--capture-all-dns"});
  EXPECT_EQ(send({.proxy_listens = false}).landing, Landing::dropped);
  EXPECT_EQ(receive({.proxy_listens = false}).landing, Landing::dropped);
  EXPECT_EQ(send({.port = 53, .proxy_listens = false}).landing, Landing::dropped);
  EXPECT_EQ(send({.uid = 1337, .proxy_listens = false}).landing, Landing::direct);
  const Sent to_itself{
      .destination = "198.51.100.1", .interface = "lo", .uid = 1337, .proxy_listens = false};
  EXPECT_EQ(send(to_itself).landing, Landing::dropped);
  configure({"-i", "*"});  // a proxy without inbound listener
  EXPECT_EQ(send(to_itself).landing, Landing::redirected);
  configure({"-i", "*", "-b", "*", "--hold-until-listening=false"});
  EXPECT_EQ(send({.proxy_listens = false}).landing, Landing::redirected);
}

TEST_F(PlanModes, QuicIsRefusedWhereTcpIsCaptured) {
  configure({"-i", "*", "-x", "203.0.113.128/25", "-c", "eth9", "--reject-quic"},
            {{"ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE", "java"}});
  const Sent quic{.port = 443, .protocol = IPPROTO_UDP};
  EXPECT_EQ(send(quic).landing, Landing::rejected);
  EXPECT_EQ(send({.port = 444, .protocol = IPPROTO_UDP}).landing, Landing::direct);
  EXPECT_EQ(send({.destination = "203.0.113.200", .port = 443, .protocol = IPPROTO_UDP}).landing,
            Landing::direct);
  for (const Sent& other : {Sent{.port = 443, .uid = 1337, .protocol = IPPROTO_UDP},
                            Sent{.port = 443, .gid = 200, .protocol = IPPROTO_UDP},
                            Sent{.port = 443, .interface = "eth9", .protocol = IPPROTO_UDP},
                            Sent{.port = 443, .interface = "lo", .protocol = IPPROTO_UDP}})
    EXPECT_EQ(send(other).landing, Landing::direct);
  configure({"-i", "*", "-o", "443", "--reject-quic"});
  EXPECT_EQ(send(quic).landing, Landing::direct);
  configure({"-i", "198.51.100.0/24", "--reject-quic"});
  EXPECT_EQ(send(quic).landing, Landing::direct);
  configure({"-q", "443", "--reject-quic"});
  EXPECT_EQ(send(quic).landing, Landing::rejected);
}

TEST_F(PlanModes, BlockedIpv6IsRefusedWhereItWouldBeCaptured) {
  configure({"-i", "2001:db8::/32,203.0.113.0/24", "-x", "2001:db8:9::/48", "-b", "*", "-d",
             "15021", "--redirect-dns", "--ipv6", "block"});
  const Sent captured{.source = "2001:db8::1", .destination = "2001:db8::2"};
  EXPECT_EQ(send(captured).landing, Landing::rejected);
  EXPECT_EQ(receive(captured).landing, Landing::rejected);
  Sent other = captured;
  other.destination = "2001:db8:9::2";
  EXPECT_EQ(send(other).landing, Landing::direct);
  other.destination = "2001:4860::8";
  EXPECT_EQ(send(other).landing, Landing::direct);
  other = captured;
  other.uid = 1337;
  EXPECT_EQ(send(other).landing, Landing::direct);
  other = captured;
  other.port = 15021;
  EXPECT_EQ(receive(other).landing, Landing::direct);
  other = captured;
  other.flags = kAck;
  EXPECT_EQ(send(other).landing, Landing::direct) << "a running connection";
  EXPECT_EQ(send({.source = "2001:db8::1",
                  .destination = "2001:db8::53",
                  .port = 53,
                  .protocol = IPPROTO_UDP})
                .landing,
            Landing::rejected);
  EXPECT_EQ(out({}), 15001);
  EXPECT_EQ(in({}), 15006);
}

TEST_F(PlanModes, BlockedIpv6OnLoopback) {
  configure({"-i", "2001:db8::/32,127.9.0.0/16", "--ipv6", "block"});
  const Sent own{.source = "2001:db8::1", .destination = "2001:db8::1", .interface = "lo"};
  EXPECT_EQ(send(own).landing, Landing::rejected);
  Sent passthrough = own;
  passthrough.source = "::6";
  EXPECT_EQ(send(passthrough).landing, Landing::direct);
  configure({"-i", "2001:db8::/32", "--ipv6", "block"});
  EXPECT_EQ(send(own).landing, Landing::direct);
}

TEST_F(PlanModes, BlockedIpv6OfALongListIsRefused) {
  RedirectConfig config;
  config.ipv6 = Ipv6Mode::block;
  config.reject_quic = true;
  for (unsigned i = 0; i < 3000; ++i) {
    config.outbound_cidrs.ranges.emplace_back(IpAddress::v4(0x0a000000u + i * 512), 24);
    const std::string network = "2001:db8:" + std::to_string(i) + "::/64";
    if (i % 2 == 0) config.outbound_cidrs.ranges.push_back(*CidrRange::parse(network));
  }
  rules_ = plan_ruleset(config);
  EXPECT_EQ(send({.source = "2001:db8::1", .destination = "2001:db8:8::2"}).landing,
            Landing::rejected);
  EXPECT_EQ(send({.source = "2001:db8::1", .destination = "2001:db8:9::2"}).landing,
            Landing::direct);
  EXPECT_EQ(send({.destination = "10.0.2.9", .port = 443, .protocol = IPPROTO_UDP}).landing,
            Landing::rejected);
  EXPECT_EQ(send({.destination = "10.0.3.9", .port = 443, .protocol = IPPROTO_UDP}).landing,
            Landing::direct);
  EXPECT_EQ(out({.destination = "10.0.2.9"}), 15001);
}

TEST_F(PlanModes, IgnoredIpv6IsLeftAlone) {
  configure({"-i", "*", "-b", "*", "--redirect-dns", "--drop-invalid", "--ipv6", "ignore"});
  const Sent packet{.source = "2001:db8::1", .destination = "2001:db8::2"};
  EXPECT_EQ(send(packet).landing, Landing::direct);
  EXPECT_EQ(receive(packet).landing, Landing::direct);
  EXPECT_EQ(escape(packet), "IPv6 (--ipv6 ignore)");
}

TEST_F(PlanModes, GuestsIpv6IsBlockedToo) {
  configure({"-i", "*", "-k", "tap0", "--ipv6", "block"});
  const Sent packet{.source = "2001:db8::1", .destination = "2001:db8::2", .interface = "tap0"};
  EXPECT_EQ(receive(packet).landing, Landing::dropped);
  configure({"-i", "2001:db8::/64", "-k", "tap0", "--ipv6", "block"});
  EXPECT_EQ(receive(packet).landing, Landing::dropped);
  EXPECT_EQ(receive({.source = "2001:db8::1", .destination = "2001:db8:1::2", .interface = "tap0"})
                .landing,
            Landing::direct);
}

TEST_F(PlanModes, EscapesAreCountedWhereTcpWouldBeCaptured) {
  configure({"-i", "203.0.113.0/24", "-x", "203.0.113.7/32"});
  EXPECT_EQ(escape({.port = 443, .protocol = IPPROTO_UDP}), "UDP 443 (QUIC)");
  EXPECT_EQ(escape({.port = 123, .protocol = IPPROTO_UDP}), "UDP to other ports");
  EXPECT_EQ(escape({.protocol = IPPROTO_ICMP}), "other protocols");
  EXPECT_EQ(escape({}), "");
  EXPECT_EQ(escape({.destination = "203.0.113.7", .protocol = IPPROTO_UDP}), "");
  EXPECT_EQ(escape({.destination = "198.51.100.7", .protocol = IPPROTO_UDP}), "");
  EXPECT_EQ(escape({.interface = "lo", .protocol = IPPROTO_UDP}), "");
  EXPECT_EQ(escape({.uid = 1337, .protocol = IPPROTO_UDP}), "");
  configure({"-i", "*", "--reject-quic"});
  EXPECT_EQ(escape({.port = 443, .protocol = IPPROTO_UDP}), "");
}

TEST_F(PlanModes, CaptiveConnectionsAreRememberedWhenHalfClosed) {
  const auto timeouts = [this](const Decision& decision) {
    return std::count_if(decision.matched.begin(), decision.matched.end(),
                         [this](const RulePlace& place) {
                           return std::holds_alternative<SetTimeout>(
                               rules_.find_chain(place.chain)->rules[place.rule].verdict);
                         });
  };
  configure({"-i", "*", "-b", "*"});
  EXPECT_EQ(timeouts(send({})), 1);
  EXPECT_EQ(timeouts(receive({.source = "2001:db8::1", .destination = "2001:db8::2"})), 1);
  EXPECT_EQ(timeouts(send({.uid = 1337})), 0);
  configure({"-i", "*", "-b", "*", "--close-wait-timeout", "0"});
  EXPECT_TRUE(rules_.timeouts.empty());
  EXPECT_EQ(timeouts(send({})), 0);
}

TEST_F(PlanModes, ClientsOfExcludedSourcesReachTheApplication) {
  for (const char* mode : {"REDIRECT", "TPROXY"}) {
    configure({"-m", mode, "-b", "*", "--exclude-inbound-cidrs", "192.0.2.0/24,2001:db8:5::/48"});
    EXPECT_EQ(receive({.source = "192.0.2.9"}).landing, Landing::direct);
    EXPECT_EQ(receive({.source = "2001:db8:5::9", .destination = "2001:db8::2"}).landing,
              Landing::direct);
    EXPECT_EQ(in({}), 15006);
  }
}

TEST_F(PlanModes, PortsOfSomeUsersAreLeftAlone) {
  configure({"-i", "*", "--redirect-dns", "--capture-all-dns", "--reject-quic",
             "--exclude-outbound-ports-for-uids", "tcp:53,3000-5000:106-108;udp:53,443:106;*:7"});
  EXPECT_EQ(out({.port = 4000, .uid = 107}), 0);
  EXPECT_EQ(out({.port = 4000, .uid = 109}), 15001);
  EXPECT_EQ(out({.port = 80, .uid = 107}), 15001);
  EXPECT_EQ(out({.port = 53, .uid = 106, .protocol = IPPROTO_UDP}), 0);
  EXPECT_EQ(send({.port = 53, .uid = 106, .protocol = IPPROTO_UDP}).zone, 0);
  EXPECT_EQ(out({.port = 53, .uid = 107, .protocol = IPPROTO_UDP}), 15053);
  EXPECT_EQ(send({.port = 443, .uid = 106, .protocol = IPPROTO_UDP}).landing, Landing::direct);
  EXPECT_EQ(send({.port = 443, .uid = 107, .protocol = IPPROTO_UDP}).landing, Landing::rejected);
  EXPECT_EQ(out({.port = 80, .uid = 7}), 0);
}

TEST_F(PlanModes, AProxyWithoutTunnelAndWithItsOwnAddressDirect) {
  configure({"-e", "0", "-b", "*"});
  EXPECT_EQ(in({.port = 15008}), 15006);
  const Sent own{.destination = "198.51.100.1", .port = 15008, .interface = "lo", .uid = 1337};
  EXPECT_EQ(out(own), 15006);
  for (const char* mode : {"REDIRECT", "TPROXY"}) {
    configure({"-m", mode, "-e", "0", "-b", "*", "--proxy-to-own-address", "direct"});
    EXPECT_EQ(send(own).landing, Landing::direct) << mode;
  }
}

}  // namespace
}  // namespace weir::init
