// SPDX-License-Identifier: Apache-2.0
// The walk over a rule set: jumps, verdicts, the order of chains, the packet's way. What the kernel
// really does is what the namespace tests compare with.
#include <gtest/gtest.h>

#include "small_rules.hpp"

namespace weir::init {
namespace {

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

TEST(Evaluate, ANatChainThatTranslatesNothingIsNotWalked) {
  Ruleset rules = ruleset({nat(Hook::output, {always(Drop{})})});
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::direct);
  rules.chains.push_back(regular("elsewhere", {always(Redirect{1})}));
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::dropped);
  // Legacy tables are of one family, and so is what they switch on.
  rules.chains.back().name = "ip/nat/WEIR_ELSEWHERE";
  EXPECT_EQ(evaluate(rules, outbound()).landing, Landing::dropped);
  EXPECT_EQ(evaluate(rules, outbound("2001:db8::7")).landing, Landing::direct);
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

}  // namespace
}  // namespace weir::init
