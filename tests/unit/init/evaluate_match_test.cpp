// SPDX-License-Identifier: Apache-2.0
// What a match sees of a packet, marks, zones, TPROXY, hold, and what is said about the walk.
#include <gtest/gtest.h>

#include "small_rules.hpp"

namespace weir::init {
namespace {

TEST(Evaluate, WhatAPacketDoesNotHaveFailsTheMatchEitherWay) {
  Packet packet = outbound();
  packet.uid.reset();
  for (const bool negated : {false, true}) {
    const Ruleset rules =
        ruleset({nat(Hook::output,
                     {rule({Match{Field::skuid, negated, id_key(1000)}}, Redirect{1}),
                      rule({Match{Field::ip6_daddr, negated, address_key(ip("::1"))}}, Redirect{2}),
                      rule({Match{Field::udp_dport, negated, port_key(53)}}, Redirect{3})})});
    EXPECT_EQ(evaluate(rules, packet).landing, Landing::direct) << negated;
  }
}

TEST(Evaluate, AMissingInterfaceIsAnEmptyName) {
  const Ruleset rules = ruleset(
      {nat(Hook::prerouting, {rule({Match{Field::oifname, true, name_key("lo")}}, Redirect{1})})});
  EXPECT_EQ(evaluate(rules, inbound()).landing, Landing::redirected);
}

TEST(Evaluate, SetsHoldIntervals) {
  Ruleset rules = ruleset(
      {nat(Hook::output, {rule({Match{Field::tcp_dport, false, SetName{"ports"}}}, Redirect{1}),
                          rule({Match{Field::tcp_dport, true, SetName{"ports"}}}, Redirect{2}),
                          always(Redirect{3})})});
  rules.sets.push_back({"ports",
                        KeyType::inet_service,
                        "",
                        {{port_key(80), port_key(80)}, {port_key(8000), port_key(8010)}},
                        {}});
  const auto port_for = [&](std::uint16_t port) {
    return evaluate(rules, outbound("198.51.100.7", port)).port;
  };
  for (const std::uint16_t port : {80, 8000, 8005, 8010}) EXPECT_EQ(port_for(port), 1) << port;
  for (const std::uint16_t port : {79, 81, 7999, 8011}) EXPECT_EQ(port_for(port), 2) << port;
}

TEST(Evaluate, ListsOfAMatchNeedNoOrder) {
  const std::vector<Interval> list{{port_key(443), port_key(450)}, {port_key(80), port_key(80)}};
  const Ruleset rules =
      ruleset({nat(Hook::output, {rule({Match{Field::tcp_dport, false, list}}, Redirect{1})})});
  EXPECT_EQ(evaluate(rules, outbound("198.51.100.7", 80)).port, 1);
  EXPECT_EQ(evaluate(rules, outbound("198.51.100.7", 450)).port, 1);
  EXPECT_EQ(evaluate(rules, outbound("198.51.100.7", 451)).landing, Landing::direct);
}

TEST(Evaluate, AMapLeadsToAChainOrOn) {
  Ruleset rules =
      ruleset({nat(Hook::output, {always(JumpByMap{Field::ip_daddr, "map"}), always(Redirect{9})}),
               regular("slice", {rule({dport(443)}, Redirect{1})})});
  const Interval range{address_key(ip("198.51.100.0")), address_key(ip("198.51.100.15"))};
  rules.maps.push_back({"map", KeyType::ipv4_addr, "", {{range, "slice"}}, {}});
  EXPECT_EQ(evaluate(rules, outbound("198.51.100.7")).port, 1);
  EXPECT_EQ(evaluate(rules, outbound("198.51.100.7", 80)).port, 9);  // the slice came back
  EXPECT_EQ(evaluate(rules, outbound("198.51.100.16")).port, 9);
  EXPECT_EQ(evaluate(rules, outbound("2001:db8::7")).port, 9);
}

TEST(Evaluate, MarksAreComparedAndSetUnderTheirMask) {
  const Ruleset rules = ruleset(
      {filter(Hook::output, -151, {always(SetMark{0x539, 0xfff}), always(SetCtMark{0x1, 0xf})}),
       nat(Hook::output, {rule({Match{Field::mark, false, id_key(0x539), 0xfff},
                                Match{Field::mark, true, id_key(0x539), 0xffffffff},
                                Match{Field::ct_mark, false, id_key(1), 0xf}},
                               Redirect{1})})});
  Packet packet = outbound();
  packet.mark = 0x70abc;
  packet.ct_mark = 0x32;
  const Decision decision = evaluate(rules, packet);
  EXPECT_EQ(decision.port, 1);
  EXPECT_EQ(decision.mark, 0x70539u);
  EXPECT_EQ(decision.ct_mark, 0x31u);
}

TEST(Evaluate, AnInvalidPacketHasNoConnectionToMark) {
  const Ruleset rules = ruleset({filter(
      Hook::prerouting, -151,
      {always(SetCtMark{5}), rule({Match{Field::ct_mark, true, id_key(7)}}, Drop{}),
       rule({Match{Field::ct_state, false, id_key(kCtStateInvalid | kCtStateNew)}}, Continue{})})});
  Packet packet = inbound();
  packet.ct_state = kCtStateInvalid;
  const Decision decision = evaluate(rules, packet);
  EXPECT_EQ(decision.landing, Landing::direct);
  EXPECT_EQ(decision.ct_mark, 0u);
  EXPECT_EQ(decision.matched, places({{"filter", 0}, {"filter", 2}}));
}

TEST(Evaluate, ZonesAreSetBeforeConnectionTrackingOnly) {
  const auto zone_at = [](int priority) {
    return evaluate(ruleset({filter(Hook::output, priority, {always(SetZone{2})})}), outbound())
        .zone;
  };
  EXPECT_EQ(zone_at(-301), 2);
  EXPECT_EQ(zone_at(-150), 0);
}

TEST(Evaluate, AZoneStaysWhenThePacketComesBack) {
  const Ruleset rules = ruleset({filter(Hook::output, -301, {always(SetZone{2})}, "out"),
                                 filter(Hook::prerouting, -301, {always(SetZone{1})}, "pre")});
  Packet packet = outbound();
  packet.out_interface = "lo";
  EXPECT_EQ(evaluate(rules, packet).zone, 2);
  EXPECT_EQ(evaluate(rules, inbound()).zone, 1);
}

Ruleset tproxy_rules() {
  return ruleset({filter(Hook::prerouting, -151,
                         {always(Tproxy{15006, 0x539, 0xfff}), rule({dport(80)}, Drop{})}, "pre"),
                  nat(Hook::prerouting, {always(Redirect{1})}, -101)});
}

TEST(Evaluate, TproxyHandsOverAndKeepsTheDestination) {
  Packet packet = inbound();
  packet.mark = 0x10000;
  const Decision decision = evaluate(tproxy_rules(), packet);
  EXPECT_EQ(decision.landing, Landing::transparent);
  EXPECT_EQ(decision.port, 15006);
  EXPECT_EQ(decision.mark, 0x10539u);
  EXPECT_EQ(decision.decided_by, (RulePlace{"pre", 0}));
}

TEST(Evaluate, TproxyWithoutASocketLetsTheNextRuleDecide) {
  Packet packet = inbound();
  packet.proxy_listens = false;
  const Decision decision = evaluate(tproxy_rules(), packet);
  EXPECT_EQ(decision.landing, Landing::dropped);
  EXPECT_EQ(decision.decided_by, (RulePlace{"pre", 1}));
  EXPECT_EQ(decision.mark, 0u);
}

TEST(Evaluate, APacketWithTproxysMarkComesBackByThePolicyRoute) {
  Ruleset rules = ruleset({filter(Hook::prerouting, -151, {always(Tproxy{15006, 0x539, 0xfff})})});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::direct);
  rules.chains.push_back({"route",
                          BaseHook{Hook::output, -151, ChainType::route, {}},
                          {always(SetMark{0x539, 0xfff})},
                          {}});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::transparent);
}

TEST(Evaluate, HoldDropsUntilTheProxyListens) {
  const Ruleset rules = ruleset(
      {nat(Hook::prerouting, {always(Redirect{15006})}),
       filter(Hook::input, -1,
              {rule({dport(15006), Match{Field::socket_transparent, false, byte_key(0)}}, Accept{}),
               rule({dport(15006), Match{Field::socket_transparent, false, byte_key(1)}}, Accept{}),
               rule({dport(15006)}, Drop{})},
              "hold")});
  EXPECT_EQ(evaluate(rules, inbound()).landing, Landing::redirected);
  Packet early = inbound();
  early.proxy_listens = false;
  EXPECT_EQ(evaluate(rules, early).landing, Landing::dropped);
  EXPECT_EQ(evaluate(rules, early).decided_by, (RulePlace{"hold", 2}));
}

TEST(Evaluate, LegacyChainsSeeTheirFamilyOnly) {
  Ruleset rules;
  for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
    const bool v4 = family == IpFamily::v4;
    rules.chains.push_back({v4 ? "ip/nat/WEIR_OUTPUT" : "ip6/nat/WEIR_OUTPUT",
                            BaseHook{Hook::output, -100, ChainType::nat, family},
                            {always(Redirect{static_cast<std::uint16_t>(v4 ? 4 : 6)})},
                            {}});
  }
  EXPECT_EQ(evaluate(rules, outbound()).port, 4);
  EXPECT_EQ(evaluate(rules, outbound("2001:db8::7")).port, 6);
}

TEST(Evaluate, WhatCannotBeReadNeverMatches) {
  const Ruleset rules = ruleset({nat(
      Hook::output, {rule({Opaque{"x"}}, Redirect{1}), always(Opaque{"y"}), always(Redirect{2})})});
  EXPECT_EQ(evaluate(rules, outbound()).port, 2);
}

TEST(Evaluate, ALoopOfGotosEnds) {
  const Ruleset rules =
      ruleset({nat(Hook::output, {always(Goto{"a"})}), regular("a", {always(Goto{"b"})}),
               regular("b", {always(Goto{"a"})})});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::direct);
}

TEST(Evaluate, VisitsNameTheMatchThatFailed) {
  const Match tcp{Field::l4proto, false, byte_key(IPPROTO_TCP)};
  const Ruleset rules =
      ruleset({nat(Hook::output, {rule({tcp, dport(80)}, Redirect{1}), rule({tcp}, Redirect{2})})});
  std::vector<RuleVisit> visits;
  EXPECT_EQ(evaluate(rules, outbound(), visits).port, 2);
  EXPECT_EQ(visits, (std::vector<RuleVisit>{{{"nat", 0}, 1, port_key(443)}, {{"nat", 1}, {}, {}}}));
}

TEST(Evaluate, ThePlanOfIstiosDefaults) {
  RedirectConfig config;
  config.outbound_cidrs.all = true;
  config.inbound_ports = PortSet::all();
  const Ruleset rules = plan_ruleset(config);
  EXPECT_EQ(evaluate(rules, outbound()).port, 15001);
  EXPECT_EQ(evaluate(rules, inbound()).port, 15006);
  EXPECT_EQ(evaluate(rules, inbound(15008)).landing, Landing::direct);
  Packet proxy = outbound();
  proxy.uid = 1337;
  EXPECT_EQ(evaluate(rules, proxy).landing, Landing::direct);
  proxy.out_interface = "lo";
  EXPECT_EQ(evaluate(rules, proxy).port, 15006);
}

}  // namespace
}  // namespace weir::init
