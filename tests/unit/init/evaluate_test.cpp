// SPDX-License-Identifier: Apache-2.0
// The walk over a rule set, one meaning at a time. What the kernel really does is what the
// namespace tests compare with.
#include "init/evaluate.hpp"

#include <gtest/gtest.h>

#include "common/kernel_headers.hpp"
#include "init/interval.hpp"
#include "init/plan.hpp"

namespace weir::init {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

Rule rule(std::vector<std::variant<Match, Opaque>> matches, Verdict verdict) {
  return Rule{std::move(matches), std::move(verdict), "", true};
}
Rule always(Verdict verdict) { return rule({}, std::move(verdict)); }
Match dport(std::uint16_t port) { return {Field::tcp_dport, false, port_key(port)}; }

Chain nat(Hook hook, std::vector<Rule> rules, int priority = kNatPriority,
          std::string name = "nat") {
  return {std::move(name), BaseHook{hook, priority, ChainType::nat, {}}, std::move(rules), {}};
}
Chain filter(Hook hook, int priority, std::vector<Rule> rules, std::string name = "filter") {
  return {std::move(name), BaseHook{hook, priority, ChainType::filter, {}}, std::move(rules), {}};
}
Chain regular(std::string name, std::vector<Rule> rules) {
  return {std::move(name), {}, std::move(rules), {}};
}
Ruleset ruleset(std::vector<Chain> chains) {
  Ruleset rules;
  rules.chains = std::move(chains);
  return rules;
}

Packet outbound(std::string_view to = "198.51.100.7", std::uint16_t port = 443) {
  Packet packet;
  packet.destination = ip(to);
  packet.source = packet.destination.is_v4() ? ip("198.51.100.1") : ip("2001:db8::1");
  packet.source_port = 40000;
  packet.destination_port = port;
  packet.out_interface = "eth0";
  packet.uid = 1000;
  packet.gid = 1000;
  return packet;
}
Packet inbound(std::uint16_t port = 80) {
  Packet packet = outbound("198.51.100.1", port);
  packet.inbound = true;
  packet.source = ip("198.51.100.7");
  packet.out_interface.clear();
  packet.in_interface = "eth0";
  packet.uid.reset();
  packet.gid.reset();
  return packet;
}

std::vector<RulePlace> places(std::initializer_list<std::pair<const char*, std::size_t>> list) {
  std::vector<RulePlace> places;
  for (const auto& [chain, index] : list) places.push_back({chain, index});
  return places;
}

TEST(Evaluate, NoRulesLetEverythingGo) {
  const Decision decision = evaluate(Ruleset{}, outbound());
  EXPECT_EQ(decision.landing, Landing::direct);
  EXPECT_FALSE(decision.decided_by);
  EXPECT_TRUE(decision.matched.empty());
}

TEST(Evaluate, FirstRuleThatDecidesWins) {
  const Ruleset rules =
      ruleset({nat(Hook::output, {rule({dport(80)}, Redirect{1}), rule({dport(443)}, Redirect{2}),
                                  always(Redirect{3})})});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.landing, Landing::redirected);
  EXPECT_EQ(decision.port, 2);
  EXPECT_EQ(decision.decided_by, (RulePlace{"nat", 1}));
  EXPECT_EQ(decision.matched, places({{"nat", 1}}));
}

TEST(Evaluate, InboundPacketDoesNotMeetOutputChains) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Redirect{1})})});
  EXPECT_EQ(evaluate(rules, inbound()).landing, Landing::direct);
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::redirected);
}

TEST(Evaluate, AJumpComesBack) {
  const Ruleset rules =
      ruleset({nat(Hook::output, {always(Jump{"inner"}), always(Redirect{2})}),
               regular("inner", {rule({dport(443)}, Return{}), always(Redirect{1})})});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.port, 2);
  EXPECT_EQ(decision.matched, places({{"nat", 0}, {"inner", 0}, {"nat", 1}}));
  EXPECT_EQ(evaluate(rules, outbound("198.51.100.7", 80)).port, 1);
}

TEST(Evaluate, TheEndOfAJumpedChainComesBack) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Jump{"inner"}), always(Redirect{2})}),
                                 regular("inner", {rule({dport(80)}, Redirect{1})})});
  EXPECT_EQ(evaluate(rules, outbound()).port, 2);
}

TEST(Evaluate, AGotoDoesNotComeBack) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Goto{"inner"}), always(Redirect{2})}),
                                 regular("inner", {rule({dport(80)}, Redirect{1})})});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::direct);
}

TEST(Evaluate, ReturnFromAChainThatWasGoneToReturnsToTheLastJump) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Jump{"a"}), always(Redirect{9})}),
                                 regular("a", {always(Goto{"b"}), always(Redirect{1})}),
                                 regular("b", {always(Return{})})});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.port, 9);
  EXPECT_EQ(decision.matched, places({{"nat", 0}, {"a", 0}, {"b", 0}, {"nat", 1}}));
}

TEST(Evaluate, ReturnInABaseChainEndsIt) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Return{}), always(Redirect{1})})});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.landing, Landing::direct);
  EXPECT_EQ(decision.decided_by, (RulePlace{"nat", 0}));
}

TEST(Evaluate, AcceptInARegularChainEndsTheBaseChain) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Jump{"a"}), always(Redirect{1})}),
                                 regular("a", {always(Accept{})})});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.landing, Landing::direct);
  EXPECT_EQ(decision.decided_by, (RulePlace{"a", 0}));
}

TEST(Evaluate, AcceptLetsLaterBaseChainsDecide) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Redirect{2})}, -99, "late"),
                                 nat(Hook::output, {always(Accept{})}, -101, "early")});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.port, 2);
  EXPECT_EQ(decision.matched, places({{"early", 0}, {"late", 0}}));
}

TEST(Evaluate, NatIsDecidedOnce) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Redirect{2})}, -99, "late"),
                                 nat(Hook::output, {always(Redirect{1})}, -101, "early")});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.port, 1);
  EXPECT_EQ(decision.matched, places({{"early", 0}}));
}

TEST(Evaluate, OfEqualPriorityTheNewerChainRunsFirst) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Redirect{1})}, -101, "older"),
                                 nat(Hook::output, {always(Redirect{2})}, -101, "newer")});
  EXPECT_EQ(evaluate(rules, outbound()).port, 2);
}

TEST(Evaluate, NatChainsRunWhereNatIsWhateverTheirPriority) {
  // A filter chain between -500 and -100 comes before every NAT chain.
  const Ruleset rules = ruleset({nat(Hook::output, {always(Redirect{1})}, -500),
                                 filter(Hook::output, -101, {rule({dport(443)}, Drop{})})});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::dropped);
}

TEST(Evaluate, OnlyTheFirstPacketMeetsNat) {
  const Ruleset rules = ruleset({nat(Hook::output, {always(Redirect{1})})});
  Packet packet = outbound();
  for (const std::uint32_t state : {kCtStateEstablished, kCtStateInvalid, kCtStateUntracked}) {
    packet.ct_state = state;
    EXPECT_EQ(evaluate(rules, packet).landing, Landing::direct) << state;
  }
  packet.ct_state = kCtStateRelated;
  EXPECT_EQ(evaluate(rules, packet).landing, Landing::redirected);
}

TEST(Evaluate, DropIsFinal) {
  const Ruleset rules =
      ruleset({filter(Hook::prerouting, -152, {rule({dport(80)}, Drop{})}, "early"),
               nat(Hook::prerouting, {always(Redirect{1})})});
  const Decision decision = evaluate(rules, inbound());
  EXPECT_EQ(decision.landing, Landing::dropped);
  EXPECT_EQ(decision.decided_by, (RulePlace{"early", 0}));
  EXPECT_EQ(decision.matched.size(), 1u);
}

TEST(Evaluate, RejectIsFinal) {
  const Ruleset rules =
      ruleset({filter(Hook::output, 1, {always(Reject{Rejection::port_unreachable})})});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::rejected);
}

TEST(Evaluate, ARedirectedConnectionIsSeenWithItsNewDestination) {
  const Ruleset rules = ruleset(
      {nat(Hook::output, {always(Redirect{15001})}),
       filter(Hook::output, 1, {rule({dport(443)}, Drop{})}, "after"),
       filter(Hook::input, -1,
              {rule({dport(15001), Match{Field::ip_daddr, false, address_key(ip("127.0.0.1"))},
                     Match{Field::iifname, false, name_key("lo")}},
                    Continue{})},
              "hold")});
  const Decision decision = evaluate(rules, outbound());
  EXPECT_EQ(decision.landing, Landing::redirected);
  EXPECT_EQ(decision.matched, places({{"nat", 0}, {"hold", 0}}));
}

TEST(Evaluate, WhatGoesOutDoesNotComeIn) {
  const Ruleset rules = ruleset({filter(Hook::input, -1, {always(Drop{})})});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::direct);
  EXPECT_EQ(evaluate(rules, inbound()).landing, Landing::dropped);
}

TEST(Evaluate, WhatOnlyPassesDoesNotComeInUnlessItIsRedirected) {
  Ruleset rules = ruleset({filter(Hook::input, -1, {always(Drop{})})});
  Packet packet = inbound();
  packet.forwarded = true;
  EXPECT_EQ(evaluate(rules, packet).landing, Landing::direct);
  rules.chains.push_back(nat(Hook::prerouting, {always(Redirect{15001})}));
  EXPECT_EQ(evaluate(rules, packet).landing, Landing::dropped);
}

TEST(Evaluate, WhatGoesToTheOwnNamespaceComesBackThroughFilterChainsOnly) {
  const Match by_lo{Field::iifname, false, name_key("lo")};
  const Ruleset rules = ruleset({nat(Hook::prerouting, {always(Redirect{1})}),
                                 filter(Hook::prerouting, -151, {rule({by_lo}, Continue{})}, "pre"),
                                 filter(Hook::input, -1, {rule({by_lo}, Continue{})}, "in")});
  Packet packet = outbound("198.51.100.1");
  packet.out_interface = "lo";
  const Decision decision = evaluate(rules, packet);
  EXPECT_EQ(decision.landing, Landing::direct);
  EXPECT_EQ(decision.matched, places({{"pre", 0}, {"in", 0}}));
}

TEST(Evaluate, WhatComesBackHasNoOwner) {
  const Match any_user{Field::skuid, true, id_key(4711)};
  const Ruleset rules = ruleset({filter(Hook::output, 1, {rule({any_user}, Continue{})}, "out"),
                                 filter(Hook::prerouting, -151, {rule({any_user}, Drop{})})});
  Packet packet = outbound();
  packet.out_interface = "lo";
  EXPECT_EQ(evaluate(rules, packet).matched, places({{"out", 0}}));
}

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
