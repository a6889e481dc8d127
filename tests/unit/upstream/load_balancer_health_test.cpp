// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "load_balancer_hosts.hpp"

namespace weir::upstream {
namespace {

class HealthOfHosts : public ::testing::TestWithParam<LbPolicy> {};
INSTANTIATE_TEST_SUITE_P(Policies, HealthOfHosts,
                         ::testing::Values(LbPolicy::round_robin, LbPolicy::least_request,
                                           LbPolicy::random));

const Host& named(const std::shared_ptr<const HostSet>& set, std::string_view name) {
  return **std::find_if(set->hosts.begin(), set->hosts.end(),
                        [&](const auto& host) { return host->hostname == name; });
}

TEST_P(HealthOfHosts, AChangeOfHealthIsNoticedAtTheNextPick) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b"}});
  EXPECT_EQ(pick_many(balancer, set, random, 200).size(), 2u);
  named(set, "a").health.set(HealthFlag::failed_outlier_check);
  set->epoch->raise();
  EXPECT_EQ(pick_many(balancer, set, random, 50), (Counts{{"b", 50}}));
  named(set, "a").health.clear(HealthFlag::failed_outlier_check);
  named(set, "b").health.set(HealthFlag::failed_active_hc);
  set->epoch->raise();
  EXPECT_EQ(pick_many(balancer, set, random, 50), (Counts{{"a", 50}}));
}

TEST_P(HealthOfHosts, TooFewHealthyHostsArePanic) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b", 1, 0, false}, {"c", 1, 0, false}});
  const auto counts = pick_many(balancer, set, random, 600);
  for (const char* name : {"a", "b", "c"}) EXPECT_NEAR(counts.at(name), 200, 80) << name;
  EXPECT_TRUE(balancer.panicked());
  named(set, "b").health.clear(HealthFlag::failed_active_hc);
  set->epoch->raise();
  EXPECT_EQ(pick_many(balancer, set, random, 100).count("c"), 0u);
  EXPECT_FALSE(balancer.panicked());
}

TEST_P(HealthOfHosts, WithThresholdZeroThereIsNoPanic) {
  LoadBalancer balancer(GetParam(), 2, kWorker, false, 0);
  Random random(1);
  EXPECT_EQ(pick_many(balancer, hosts({{"a"}, {"b", 1, 0, false}, {"c", 1, 0, false}}), random, 50),
            (Counts{{"a", 50}}));
  EXPECT_EQ(pick(balancer, hosts({{"a", 1, 0, false}}), random), "none");
  EXPECT_FALSE(balancer.panicked());
}

TEST_P(HealthOfHosts, WhatAPriorityCannotTakeGoesToTheNext) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"sick", 1, 0, false}, {"b", 1, 1}, {"c", 1, 1}});
  auto counts = pick_many(balancer, set, random, 10000);
  EXPECT_NEAR(counts["a"], 7000, 250);
  EXPECT_NEAR(counts["b"] + counts["c"], 3000, 250);
  EXPECT_EQ(counts.count("sick"), 0u);
}

TEST_P(HealthOfHosts, DegradedHostsTakeWhatTheHealthyCannot) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"slow"}});
  named(set, "slow").health.set(HealthFlag::degraded_active_hc);
  auto counts = pick_many(balancer, set, random, 10000);
  EXPECT_NEAR(counts["a"], 7000, 250);
  EXPECT_NEAR(counts["slow"], 3000, 250);
  const auto enough = hosts({{"a"}, {"b"}, {"c"}, {"slow"}});
  named(enough, "slow").health.set(HealthFlag::degraded_eds_health);
  EXPECT_EQ(pick_many(balancer, enough, random, 300).count("slow"), 0u);
}

TEST_P(HealthOfHosts, ARetryLooksForAHostThatWasNotTried) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b"}, {"c"}});
  const Host* tried[] = {set->hosts[0].get(), set->hosts[2].get()};
  Counts counts;
  for (int i = 0; i < 300; ++i) ++counts[balancer.pick_untried(set, random, tried, 50)->hostname];
  EXPECT_EQ(counts, (Counts{{"b", 300}}));
}

TEST_P(HealthOfHosts, ARetryGivesUpLookingAndTakesTheLastOne) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b"}});
  const Host* tried[] = {set->hosts[0].get(), set->hosts[1].get()};
  for (const std::uint32_t attempts : {0u, 1u, 5u})
    EXPECT_NE(balancer.pick_untried(set, random, tried, attempts), nullptr);
  EXPECT_EQ(balancer.pick_untried(hosts({}), random, tried, 5), nullptr);
}

TEST(RoundRobin, ARetryWithOneAttemptTakesWhoeverIsNext) {
  LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b"}});
  const Host* tried[] = {set->hosts[0].get()};
  Counts counts;
  for (int i = 0; i < 100; ++i) ++counts[balancer.pick_untried(set, random, tried, 1)->hostname];
  EXPECT_EQ(counts, (Counts{{"a", 50}, {"b", 50}}));
  // Two attempts are enough for two hosts that take turns.
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(balancer.pick_untried(set, random, tried, 2)->hostname, "b");
}

}  // namespace
}  // namespace weir::upstream
