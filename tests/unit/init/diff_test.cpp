// SPDX-License-Identifier: Apache-2.0
#include "init/rules/diff.hpp"

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

Ruleset planned(const std::vector<std::string>& arguments) {
  return plan_ruleset(parse(arguments, fake_environment())->config);
}

const Ruleset& basic() {
  static const Ruleset rules = planned({"-i", "*", "-b", "*", "-d", "15090"});
  return rules;
}

TEST(Diff, EqualRulesHaveNone) {
  EXPECT_TRUE(diff_rulesets(basic(), basic()).empty());
  Ruleset shuffled = basic();
  std::swap(shuffled.sets.front(), shuffled.sets.back());
  std::swap(shuffled.chains.front(), shuffled.chains.back());
  EXPECT_TRUE(diff_rulesets(basic(), shuffled).empty());
}

TEST(Diff, NamesAddedAndRemovedElements) {
  const Ruleset other = planned({"-i", "*", "-b", "*", "-d", "15090,80,81-82", "-u", "9"});
  const Diff diff = diff_rulesets(basic(), other);
  EXPECT_EQ(diff[0], "set 'inbound_excluded_ports': 1 to remove (80-82)");
  EXPECT_EQ(diff[1], "set 'proxy_uids': 1 to add (1337)");
  EXPECT_EQ(diff[2], "set 'proxy_uids': 1 to remove (9)");
}

TEST(Diff, SeesARuleThatWasInserted) {
  Ruleset other = basic();
  other.chains[1].rules.insert(other.chains[1].rules.begin(),
                               make_rule(is_tcp(), Accept{}, "mine"));
  EXPECT_EQ(
      diff_rulesets(basic(), other),
      Diff{"chain 'output': rule 1 to remove: meta l4proto tcp counter accept comment \"mine\""});
}

TEST(Diff, SeesTheOrderOfRules) {
  Ruleset other = basic();
  std::swap(other.chains[1].rules[0], other.chains[1].rules[1]);
  EXPECT_EQ(diff_rulesets(basic(), other).size(), 2u);
}

TEST(Diff, SeesWhatCannotBeSaid) {
  Ruleset other = basic();
  other.chains[0].unknown = "another policy";
  other.sets[0].unknown = "flags are 12";
  other.chains[1].rules[1].matches.push_back(Opaque{"limit rate 1/second"});
  const Diff diff = diff_rulesets(basic(), other);
  ASSERT_EQ(diff.size(), 4u);
  EXPECT_EQ(diff[0], "set 'inbound_excluded_ports': flags are 12");
  EXPECT_EQ(diff[1], "chain 'prerouting': another policy");
  EXPECT_NE(diff[3].find("{limit rate 1/second}"), std::string::npos);
}

TEST(Diff, SeesHookTableAndMissingThings) {
  Ruleset other = basic();
  other.chains[0].base->priority = 5;
  other.flags = 1;
  other.sets.pop_back();
  other.chains.push_back(Chain{"foreign", {}, {}, {}});
  EXPECT_EQ(diff_rulesets(basic(), other),
            (Diff{"table 'weir': flags are 1", "set 'proxy_ports': to add",
                  "chain 'prerouting': another hook or priority", "chain 'foreign': to remove"}));
}

TEST(Diff, ACounterThatIsGoneIsADifference) {
  Ruleset other = basic();
  other.chains[0].rules[0].counter = false;
  EXPECT_EQ(diff_rulesets(basic(), other).size(), 2u);
}

}  // namespace
}  // namespace weir::init
