// SPDX-License-Identifier: Apache-2.0
// The bytes of a transaction, taken apart again message by message, are the planned rules: no
// kernel needed.
#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/nft/elements.hpp"
#include "init/nft/replacement.hpp"
#include "init/plan/plan.hpp"
#include "init/rules/diff.hpp"
#include "init/rules/interval.hpp"
#include "model_kernel.hpp"
#include "tests/support/every_construct.hpp"

namespace weir::init {
namespace {

Ruleset round_trip(const Ruleset& rules) {
  auto steps = build_replacement(rules, nullptr, 7);
  EXPECT_EQ(steps.size(), 2u);
  ModelKernel kernel;
  EXPECT_EQ(kernel.apply(steps.front().batch)->rule_count(), 0u);
  return kernel.apply(steps.back().batch).value();
}

class RoundTrip : public testing::TestWithParam<Case> {};

TEST_P(RoundTrip, GivesThePlanBack) {
  const auto options = parse(GetParam().arguments, fake_environment(GetParam().variables));
  ASSERT_TRUE(options) << options.error().message;
  const Ruleset rules = plan_ruleset(options->config);
  EXPECT_EQ(round_trip(rules), rules);
}

INSTANTIATE_TEST_SUITE_P(All, RoundTrip, testing::ValuesIn(cases()));

TEST(RoundTripOfConstructs, GivesEveryOneBack) {
  const Ruleset rules = every_construct();
  EXPECT_EQ(round_trip(rules), rules);
  EXPECT_EQ(diff_rulesets(rules, round_trip(rules)), Diff{});
}

RedirectConfig long_list(unsigned count) {
  RedirectConfig config;
  config.outbound_cidrs.all = true;
  for (unsigned i = 0; i < count; ++i)
    config.outbound_excluded_cidrs.emplace_back(IpAddress::v4(0x0a000000u + i * 512), 24);
  return config;
}

TEST(RoundTripOfLists, SurvivesManyMessages) {
  for (const unsigned count : {2047u, 2048u, 2049u, 50000u}) {
    const Ruleset rules = plan_ruleset(long_list(count));
    EXPECT_EQ(rules.maps.empty(), count <= kSliceSize);
    EXPECT_EQ(round_trip(rules), rules) << count;
  }
}

TEST(RoundTripOfLists, SlicesHoldTheWholeList) {
  const RedirectConfig config = long_list(5000);
  const Ruleset rules = plan_ruleset(config);
  std::vector<Interval> together;
  for (const Set& set : rules.sets)
    if (set.name.starts_with("outbound_excluded_v4_"))
      together.insert(together.end(), set.elements.begin(), set.elements.end());
  EXPECT_EQ(together, aggregate(config.outbound_excluded_cidrs, IpFamily::v4));
  ASSERT_EQ(rules.maps.size(), 1u);
  for (const MapElement& element : rules.maps[0].elements) {
    const Set* set = rules.find_set(element.chain);
    ASSERT_NE(set, nullptr);
    ASSERT_NE(rules.find_chain(element.chain), nullptr);
    EXPECT_EQ(element.range.first, set->elements.front().first);
    EXPECT_EQ(element.range.last, set->elements.back().last);
  }
}

TEST(Elements, OfTheKernelsTreeComeInAnyOrderAndWithAnEndThatEndsNothing) {
  const auto start = [](std::uint16_t port) { return RawElement{port_key(port), false}; };
  const auto end = [](std::uint16_t port) { return RawElement{port_key(port), true}; };
  const std::vector<Interval> expected{{port_key(80), port_key(80)},
                                       {port_key(81), port_key(90)},
                                       {port_key(60000), port_key(65535)}};
  EXPECT_EQ(assemble_intervals(KeyType::inet_service,
                               {start(60000), end(91), start(81), end(81), start(80), end(0)}),
            expected);
  EXPECT_EQ(assemble_intervals(KeyType::inet_service,
                               {end(0), start(80), start(81), end(81), end(91), start(60000)}),
            expected);
}

}  // namespace
}  // namespace weir::init
