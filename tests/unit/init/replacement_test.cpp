// SPDX-License-Identifier: Apache-2.0
// On the way from one set of rules to another, no packet meets a mixture.
#include "init/nft/replacement.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/diff.hpp"
#include "init/rules/render.hpp"
#include "model_kernel.hpp"
#include "tests/support/every_construct.hpp"

namespace weir::init {
namespace {

std::set<std::string> names_in_use(const Ruleset& rules) {
  std::set<std::string> names;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules) {
      for (const auto& match : rule.matches)
        if (const auto* known = std::get_if<Match>(&match))
          if (const auto* set = std::get_if<SetName>(&known->operand)) names.insert(set->name);
      if (const auto* jump = std::get_if<JumpByMap>(&rule.verdict)) names.insert(jump->map);
      if (const auto* set = std::get_if<SetTimeout>(&rule.verdict)) names.insert(set->object);
    }
  return names;
}

bool same_set(const Ruleset& a, const Ruleset& b, const std::string& name) {
  const auto same = [](const auto* x, const auto* y) {
    return x == nullptr || y == nullptr ? x == y : *x == *y;
  };
  const auto timeout = [&](const Ruleset& rules) {
    const auto at = std::find_if(rules.timeouts.begin(), rules.timeouts.end(),
                                 [&](const CtTimeout& t) { return t.name == name; });
    return at == rules.timeouts.end() ? nullptr : &*at;
  };
  return same(a.find_set(name), b.find_set(name)) && same(a.find_map(name), b.find_map(name)) &&
         same(timeout(a), timeout(b));
}

// Drops the suffix of copies from every name.
Ruleset without_suffix(Ruleset rules) {
  const auto drop = [](std::string& name) {
    if (const auto at = name.find("_next"); at != std::string::npos) name.resize(at);
  };
  for (Set& set : rules.sets) drop(set.name);
  for (CtTimeout& timeout : rules.timeouts) drop(timeout.name);
  for (VerdictMap& map : rules.maps) {
    drop(map.name);
    for (MapElement& element : map.elements) drop(element.chain);
  }
  for (Chain& chain : rules.chains) {
    drop(chain.name);
    for (Rule& rule : chain.rules) {
      for (auto& match : rule.matches)
        if (auto* known = std::get_if<Match>(&match))
          if (auto* set = std::get_if<SetName>(&known->operand)) drop(set->name);
      if (auto* jump = std::get_if<JumpByMap>(&rule.verdict)) drop(jump->map);
      if (auto* jump = std::get_if<Goto>(&rule.verdict)) drop(jump->chain);
      if (auto* jump = std::get_if<Jump>(&rule.verdict)) drop(jump->chain);
      if (auto* set = std::get_if<SetTimeout>(&rule.verdict)) drop(set->object);
    }
  }
  return rules;
}

// What base chains reach: the rules in force, without what is only lying about.
Ruleset in_force(Ruleset rules) {
  const auto used = names_in_use(rules);
  std::erase_if(rules.sets, [&](const Set& s) { return !used.contains(s.name); });
  std::erase_if(rules.maps, [&](const VerdictMap& m) { return !used.contains(m.name); });
  std::erase_if(rules.timeouts, [&](const CtTimeout& t) { return !used.contains(t.name); });
  std::erase_if(rules.chains, [](const Chain& c) { return c.rules.empty(); });
  return without_suffix(rules);
}

std::string rules_text(const Ruleset& rules) {
  std::string text;
  for (const Chain& chain : rules.chains)
    for (const Rule& rule : chain.rules) text += chain.name + ": " + render_rule(rule) + "\n";
  return text;
}

// Takes the steps and looks after each one. @return how many there were.
std::size_t check_way(const Ruleset& from, const Ruleset& to) {
  ModelKernel kernel(from);
  auto steps = build_replacement(to, &from, 1);
  Ruleset before = from;
  Ruleset settled = from;  // what every packet on its way knows the base chains of
  for (Step& step : steps) {
    const Ruleset after = kernel.apply(step.batch).value();
    // A packet may hold the rules of before or of after, and look into the sets of before or of
    // after.
    auto used = names_in_use(after);
    if (!step.after_packets) used.merge(names_in_use(before));
    for (const std::string& name : used)
      EXPECT_TRUE(same_set(before, after, name)) << name << " changed under the rules that use it";
    const bool rules_change = rules_text(before) != rules_text(after);
    EXPECT_TRUE(!rules_change || (before.sets == after.sets && before.maps == after.maps))
        << "rules change in a step of their own";
    // A packet that began before a base chain came does not meet it.
    for (const Chain& chain : rules_change ? after.chains : std::vector<Chain>{})
      EXPECT_TRUE(!chain.base || chain.rules.empty() || step.after_packets ||
                  settled.find_chain(chain.name) != nullptr)
          << chain.name;
    if (step.after_packets) settled = before;
    const Ruleset& policy = in_force(after) == in_force(to) ? to : from;
    EXPECT_EQ(diff_rulesets(in_force(policy), in_force(after)), Diff{});
    before = after;
  }
  EXPECT_EQ(before, to);
  return steps.size();
}

Ruleset planned(const Case& one) {
  return plan_ruleset(parse(one.arguments, fake_environment(one.variables))->config);
}

TEST(Replacement, BetweenAnyTwoCases) {
  for (const Case& from : cases())
    for (const Case& to : cases()) {
      SCOPED_TRACE(from.name + " → " + to.name);
      check_way(planned(from), planned(to));
    }
}

TEST(Replacement, OfLongLists) {
  const auto rules = [](unsigned count, unsigned step) {
    RedirectConfig config;
    config.outbound_cidrs.all = true;
    for (unsigned i = 0; i < count; ++i)
      config.outbound_excluded_cidrs.emplace_back(IpAddress::v4(0x0a000000u + i * step), 24);
    return plan_ruleset(config);
  };
  check_way(rules(10, 512), rules(5000, 512));
  check_way(rules(5000, 512), rules(10, 512));
  check_way(rules(5000, 512), rules(9000, 1024));
  check_way(rules(9000, 1024), rules(5000, 512));
}

TEST(Replacement, TakesOneStepWhenOnlyRulesChange) {
  const Ruleset wanted = planned(cases()[1]);
  Ruleset broken = wanted;
  broken.chains[0].rules.pop_back();
  EXPECT_EQ(check_way(broken, wanted), 1u);
}

TEST(Replacement, TakesFiveWhenASetChangesItsContent) {
  const auto ports = [](const char* list) { return planned(Case{"", {"-b", list}, {}}); };
  EXPECT_EQ(check_way(ports("80"), ports("81")), 5u);
}

TEST(Replacement, AvoidsTheNameOfACopyThatWasLeftBehind) {
  const auto ports = [](const char* list) { return planned(Case{"", {"-b", list}, {}}); };
  Ruleset interrupted = ports("80");
  Set copy = *interrupted.find_set("inbound_ports");
  copy.name = "inbound_ports_next";
  interrupted.sets.push_back(copy);
  check_way(interrupted, ports("81"));
}

TEST(Replacement, StartsTheTableAnewWhereItIsSwitchedOff) {
  const Ruleset wanted = planned(cases()[1]);
  Ruleset dormant = wanted;
  dormant.flags = 1;
  ModelKernel kernel(dormant);
  auto steps = build_replacement(wanted, &dormant, 1);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(kernel.apply(steps[0].batch)->rule_count(), 0u);
  EXPECT_EQ(kernel.apply(steps[1].batch).value(), wanted);
}

TEST(Replacement, LetsBaseChainsComeAndGo) {
  const Ruleset all = every_construct();
  Ruleset elsewhere = all;
  elsewhere.chains[0].base->priority = -100;
  Ruleset guest = all;
  guest.chains.push_back(Chain{"guest", BaseHook{Hook::output, 5}, all.chains[1].rules, {}});
  Ruleset fewer = all;
  std::erase_if(fewer.chains, [](const Chain& c) { return c.name == "hold"; });
  Ruleset regular = all;
  regular.chains[3].base.reset();
  std::rotate(regular.chains.begin() + 3, regular.chains.begin() + 4, regular.chains.end());
  const std::vector<Ruleset> kinds{all, elsewhere, guest, fewer, regular, planned(cases()[1])};
  for (const Ruleset& from : kinds)
    for (const Ruleset& to : kinds)
      if (!(from == to)) {
        SCOPED_TRACE(std::to_string(&from - kinds.data()) + " to " +
                     std::to_string(&to - kinds.data()));
        EXPECT_EQ(check_way(from, to), 5u);
      }
}

TEST(Replacement, TakesAwayWhatAnInterruptedOneLeft) {
  const Ruleset wanted = every_construct();
  Ruleset interrupted = wanted;
  for (Chain chain : {wanted.chains[3], wanted.chains.back()}) {
    chain.name += "_next";
    chain.rules.clear();
    interrupted.chains.push_back(chain);
  }
  interrupted.timeouts.push_back({"captured_v4_next", IpFamily::v4, 9, {}});
  EXPECT_EQ(check_way(interrupted, wanted), 1u);
}

TEST(Removal, TakesTheRulesFirst) {
  const Ruleset rules = planned(cases()[1]);
  ModelKernel kernel(rules);
  auto steps = build_removal();
  ASSERT_EQ(steps.size(), 2u);
  const Ruleset between = kernel.apply(steps[0].batch).value();
  EXPECT_EQ(between.rule_count(), 0u);
  EXPECT_EQ(between.sets, rules.sets);
  EXPECT_TRUE(steps[1].after_packets);
  EXPECT_FALSE(kernel.apply(steps[1].batch));
}

}  // namespace
}  // namespace weir::init
