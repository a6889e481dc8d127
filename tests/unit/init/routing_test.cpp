// SPDX-License-Identifier: Apache-2.0
#include "init/routing/routing.hpp"

#include <gtest/gtest.h>

#include "init/watch/pacer.hpp"

namespace weir::init {
namespace {

TEST(RoutingPlan, RedirectNeedsTheAddressOnly) {
  const RoutingPlan plan = plan_routing(RedirectConfig{});
  EXPECT_TRUE(plan.passthrough_address);
  EXPECT_FALSE(plan.policy_route);
  EXPECT_EQ(wanted_items(plan, true), std::vector<RoutingItem>{PassthroughAddress{}});
  EXPECT_TRUE(wanted_items(plan, false).empty());
}

TEST(RoutingPlan, TproxyNeedsARuleAndARouteOfEachFamily) {
  RedirectConfig config;
  config.inbound_mode = InboundMode::tproxy;
  config.tproxy = {0x12345, 0xff, 77};
  const RoutingPlan plan = plan_routing(config);
  ASSERT_TRUE(plan.policy_route);
  EXPECT_EQ(*plan.policy_route, (PolicyRoute{0x45, 0xff, 77}))
      << "bits outside the mask are not ours";
  EXPECT_EQ(wanted_items(plan, true).size(), 5U);
  EXPECT_EQ(wanted_items(plan, false),
            (std::vector<RoutingItem>{LocalRoute{IpFamily::v4, 77},
                                      PolicyRule{IpFamily::v4, 0x45, 0xff, 77}}));
}

TEST(RoutingItem, IsSaidAsIpSaysIt) {
  EXPECT_EQ(describe(PolicyRule{IpFamily::v6, 0x539, 0xfff, 133}),
            "IPv6 rule mark 0x539/0xfff lookup 133 (priority 32764)");
  EXPECT_EQ(describe(LocalRoute{IpFamily::v4, 133}), "IPv4 route local default dev lo table 133");
}

TEST(RepairPacer, RepairsAtOnceButNotForEver) {
  RepairPacer pacer;
  auto now = RepairPacer::Time{} + std::chrono::hours(1);
  int at_once = 0;
  while (pacer.peek(now).count() == 0) {
    pacer.count();
    ++at_once;
    ASSERT_LE(at_once, 1000);
  }
  EXPECT_EQ(at_once, kRepairsAtOnce);
  int in_ten_seconds = 0;
  for (const auto end = now + std::chrono::seconds(10); now < end;
       now += std::chrono::milliseconds(1))
    if (pacer.peek(now).count() == 0) {
      pacer.count();
      ++in_ten_seconds;
    }
  EXPECT_NEAR(in_ten_seconds, 10 * kRepairsPerSecond, 1);
  EXPECT_FALSE(pacer.is_rested());
  EXPECT_EQ(pacer.peek(now + std::chrono::seconds(60)).count(), 0);
  EXPECT_TRUE(pacer.is_rested());
}

}  // namespace
}  // namespace weir::init
