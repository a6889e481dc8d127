// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/load_balancer.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "load_balancer_hosts.hpp"

namespace weir::upstream {
namespace {

class EveryPolicy : public ::testing::TestWithParam<LbPolicy> {};
INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy,
                         ::testing::Values(LbPolicy::round_robin, LbPolicy::least_request,
                                           LbPolicy::random));

TEST_P(EveryPolicy, AnEmptySetHasNoHost) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  EXPECT_EQ(pick(balancer, hosts({}), random), "none");
}

TEST_P(EveryPolicy, OneHostIsAlwaysPickedEvenWhenExcluded) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}});
  EXPECT_EQ(pick_many(balancer, set, random, 10), (Counts{{"a", 10}}));
  EXPECT_EQ(pick(balancer, set, random, set->hosts[0].get()), "a");
}

TEST_P(EveryPolicy, UnhealthyHostsAreSkipped) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto counts =
      pick_many(balancer, hosts({{"sick", 5, 0, false}, {"a"}, {"b"}}), random, 200);
  EXPECT_EQ(counts.count("sick"), 0u);
  EXPECT_GT(counts.at("a"), 0);
  EXPECT_GT(counts.at("b"), 0);
  EXPECT_FALSE(balancer.panicked());
}

TEST_P(EveryPolicy, TheLowestPriorityWithAUsableHostServes) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  EXPECT_EQ(pick_many(balancer, hosts({{"b", 1, 1}, {"a", 1, 0}, {"c", 1, 2}}), random, 20),
            (Counts{{"a", 20}}));
  EXPECT_EQ(pick_many(balancer, hosts({{"c", 1, 2}, {"a", 1, 0, false}, {"b", 1, 1}}), random, 20),
            (Counts{{"b", 20}}));
}

TEST_P(EveryPolicy, ARetryGoesToAnotherHost) {
  for (const std::uint32_t heavy : {1u, 1000u}) {
    LoadBalancer balancer(GetParam(), 2, kWorker);
    Random random(1);
    const auto set = hosts({{"a", heavy}, {"b"}, {"c"}});
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
      const auto host = balancer.pick(set, random, set->hosts[0].get());
      ASSERT_NE(host, set->hosts[0]);
      seen.insert(host->hostname);
    }
    EXPECT_EQ(seen, (std::set<std::string>{"b", "c"}));
  }
}

TEST_P(EveryPolicy, AnExcludedHostOfAnotherSetExcludesNobody) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto old_set = hosts({{"a"}, {"b"}});
  const auto counts = [&] {
    Counts result;
    const auto set = hosts({{"a"}, {"b"}});
    for (int i = 0; i < 100; ++i) ++result[pick(balancer, set, random, old_set->hosts[0].get())];
    return result;
  }();
  EXPECT_GT(counts.at("a"), 20);
  EXPECT_GT(counts.at("b"), 20);
}

TEST_P(EveryPolicy, ANewSetTakesEffectAtOnce) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  EXPECT_EQ(pick(balancer, hosts({{"a"}}), random), "a");
  EXPECT_EQ(pick(balancer, hosts({{"b"}}), random), "b");
  EXPECT_EQ(pick(balancer, hosts({}), random), "none");
  EXPECT_EQ(pick(balancer, hosts({{"c", 2}, {"d", 1, 0, false}}), random), "c");
}

TEST_P(EveryPolicy, TheHostOutlivesItsSet) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto host = balancer.pick(hosts({{"a"}}), random);
  pick(balancer, hosts({{"b"}}), random);
  EXPECT_EQ(host->hostname, "a");
  EXPECT_EQ(host.use_count(), 1);
}

TEST_P(EveryPolicy, AWeightOfZeroCountsAsOne) {
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  const auto counts = pick_many(balancer, hosts({{"a", 0}, {"b", 1}, {"c", 0}}), random, 300);
  for (const char* name : {"a", "b", "c"}) EXPECT_GT(counts.at(name), 50) << name;
}

TEST(RoundRobin, EqualWeightsTakeTurns) {
  LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
  Random random(1);
  const auto set = hosts({{"a", 7}, {"b", 7}, {"c", 7}});
  std::vector<std::string> order;
  for (int i = 0; i < 9; ++i) order.push_back(pick(balancer, set, random));
  for (std::size_t i = 3; i < order.size(); ++i) EXPECT_EQ(order[i], order[i - 3]);
  EXPECT_EQ(std::set<std::string>(order.begin(), order.begin() + 3).size(), 3u);
}

TEST(RoundRobin, WorkersStartAtDifferentHosts) {
  const auto set = hosts({{"a"}, {"b"}, {"c"}, {"d"}});
  const auto weighted = hosts({{"a", 3}, {"b", 2}, {"c", 2}, {"d", 2}});
  std::set<std::string> first, first_weighted;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
    first.insert(pick(balancer, set, random));
    first_weighted.insert(pick(balancer, weighted, random));
  }
  EXPECT_EQ(first.size(), 4u);
  EXPECT_EQ(first_weighted.size(), 4u);
}

TEST(RoundRobin, WeightsTwoAndFourOfSixHundred) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Random random(seed);
    LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
    EXPECT_EQ(pick_many(balancer, hosts({{"a", 2}, {"b", 4}}), random, 600),
              (Counts{{"a", 200}, {"b", 400}}));
  }
}

TEST(RoundRobin, HeavyHostsAreInterleavedNotServedInRuns) {
  LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
  Random random(1);
  const auto set = hosts({{"a", 1}, {"b", 2}});
  std::string previous, before_previous;
  for (int i = 0; i < 300; ++i) {
    const auto name = pick(balancer, set, random);
    EXPECT_FALSE(name == previous && name == before_previous) << "three in a row: " << name;
    before_previous = previous;
    previous = name;
  }
}

TEST(RoundRobin, EveryStretchAsLongAsTheSumHoldsEachWeight) {
  const std::vector<std::vector<std::uint32_t>> cases{{1, 2},   {3, 5, 7},      {1, 1, 10},
                                                      {100, 1}, {7, 7, 14, 21}, {13, 17, 19, 23}};
  for (const auto& weights : cases) {
    std::vector<HostSpec> specs;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      specs.push_back({std::to_string(i), weights[i]});
      sum += weights[i];
    }
    const auto set = hosts(specs);
    LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
    Random random(5);
    std::vector<std::string> order;
    for (std::size_t i = 0; i < 20 * sum; ++i) order.push_back(pick(balancer, set, random));
    for (std::size_t begin = 0; begin + sum <= order.size(); ++begin)
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const auto first = order.begin() + static_cast<std::ptrdiff_t>(begin);
        ASSERT_EQ(std::count(first, first + static_cast<std::ptrdiff_t>(sum), std::to_string(i)),
                  weights[i])
            << "from " << begin;
      }
  }
}

TEST(RoundRobin, HugeWeightsKeepTheirRatio) {
  LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
  Random random(1);
  const auto counts =
      pick_many(balancer, hosts({{"a", 3'000'000'000u}, {"b", 1'000'000'000u}}), random, 40000);
  EXPECT_NEAR(counts.at("a"), 30000, 10);
  const auto extreme = pick_many(
      balancer, hosts({{"a", std::numeric_limits<std::uint32_t>::max()}, {"b", 1}}), random, 1000);
  EXPECT_GE(extreme.at("a"), 998);
}

TEST(RoundRobin, ManyHostsWithManyWeights) {
  std::vector<HostSpec> specs;
  int sum = 0;
  for (int i = 0; i < 1000; ++i) {
    specs.push_back({std::to_string(i), static_cast<std::uint32_t>(i % 5 + 1)});
    sum += i % 5 + 1;
  }
  LoadBalancer balancer(LbPolicy::round_robin, 0, kWorker);
  Random random(3);
  const auto set = hosts(specs);
  const auto counts = pick_many(balancer, set, random, sum);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(counts.at(std::to_string(i)), i % 5 + 1);
}

TEST(RandomPolicy, SpreadsEvenlyAndIgnoresWeights) {
  LoadBalancer balancer(LbPolicy::random, 0, kWorker);
  Random random(1);
  const auto counts = pick_many(balancer, hosts({{"a", 1}, {"b", 100}, {"c", 1}}), random, 30000);
  for (const auto& [name, count] : counts) EXPECT_NEAR(count, 10000, 400) << name;
}

TEST(LeastRequest, AvoidsTheLoadedHost) {
  LoadBalancer balancer(LbPolicy::least_request, 2, kWorker);
  Random random(1);
  const auto set = hosts({{"busy"}, {"idle"}});
  set->hosts[0]->stats[kWorker].cx_active.set(5);
  const auto counts = pick_many(balancer, set, random, 4000);
  EXPECT_NEAR(counts.at("busy"), 1000, 150);  // only when both draws hit it
}

TEST(LeastRequest, WithHttpRequestsAreTheLoadNotPooledConnections) {
  LoadBalancer balancer(LbPolicy::least_request, 2, kWorker);
  Random random(1);
  const auto set = hosts({{"busy"}, {"idle"}});
  for (const auto& host : set->hosts) host->stats[kWorker].rq_total.add();
  set->hosts[0]->stats[kWorker].rq_active.set(5);
  set->hosts[1]->stats[kWorker].cx_active.set(9);
  EXPECT_NEAR(pick_many(balancer, set, random, 4000).at("busy"), 1000, 150);
}

TEST(LeastRequest, MoreChoicesAvoidItMore) {
  LoadBalancer balancer(LbPolicy::least_request, 20, kWorker);
  Random random(1);
  const auto set = hosts({{"busy"}, {"idle"}});
  set->hosts[0]->stats[kWorker].cx_active.set(1);
  const auto counts = pick_many(balancer, set, random, 1000);
  EXPECT_GE(counts.at("idle"), 998);
}

TEST(LeastRequest, OneChoiceIsRandom) {
  LoadBalancer balancer(LbPolicy::least_request, 0, kWorker);
  Random random(1);
  const auto set = hosts({{"busy"}, {"idle"}});
  set->hosts[0]->stats[kWorker].cx_active.set(1000);
  EXPECT_NEAR(pick_many(balancer, set, random, 4000).at("busy"), 2000, 200);
}

TEST(LeastRequest, CountsTheConnectionsOfItsOwnWorkerOnly) {
  LoadBalancer balancer(LbPolicy::least_request, 8, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b"}});
  set->hosts[0]->stats[0].cx_active.set(1000);
  EXPECT_NEAR(pick_many(balancer, set, random, 4000).at("a"), 2000, 200);
}

TEST(LeastRequest, ConnectionsThatStayEvenOut) {
  LoadBalancer balancer(LbPolicy::least_request, 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b"}, {"c"}, {"d"}, {"e"}});
  for (int i = 0; i < 1000; ++i) balancer.pick(set, random)->stats[kWorker].cx_active.add();
  for (const auto& host : set->hosts) EXPECT_NEAR(host->stats[kWorker].cx_active.value(), 200, 8);
}

TEST(LeastRequest, AnIdleClusterFollowsTheWeights) {
  LoadBalancer balancer(LbPolicy::least_request, 2, kWorker);
  Random random(1);
  EXPECT_EQ(pick_many(balancer, hosts({{"a", 2}, {"b", 4}}), random, 600),
            (Counts{{"a", 200}, {"b", 400}}));
}

TEST(LeastRequest, ALoadedHostGetsLessThanItsWeight) {
  LoadBalancer balancer(LbPolicy::least_request, 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a", 1}, {"b", 4}});
  set->hosts[1]->stats[kWorker].cx_active.set(15);  // 4 / 16 against 1 / 1
  const auto counts = pick_many(balancer, set, random, 1000);
  EXPECT_NEAR(counts.at("b"), 200, 5);
}

TEST(LeastRequest, WeightedSurvivesEnormousLoad) {
  // Deadlines move by 2^61 a pick here: they start again from zero many times.
  LoadBalancer balancer(LbPolicy::least_request, 2, kWorker);
  Random random(1);
  const auto set = hosts({{"a", 1}, {"b", 2}});
  for (const auto& host : set->hosts)
    host->stats[kWorker].cx_active.set(std::numeric_limits<std::int64_t>::max());
  const auto counts = pick_many(balancer, set, random, 3000);
  EXPECT_NEAR(counts.at("a"), 1000, 2);
  EXPECT_NEAR(counts.at("b"), 2000, 2);
}

TEST(LeastRequest, AGaugeBelowZeroCountsAsZero) {
  LoadBalancer balancer(LbPolicy::least_request, 8, kWorker);
  Random random(1);
  const auto set = hosts({{"a"}, {"b"}});
  set->hosts[0]->stats[kWorker].cx_active.set(-1);
  EXPECT_NEAR(pick_many(balancer, set, random, 4000).at("a"), 2000, 200);
}

HostSpec in_zone(std::string name, std::string zone, std::uint32_t weight, bool healthy = true,
                 std::uint32_t priority = 0) {
  return {std::move(name), 1, priority, healthy, std::move(zone), weight};
}

class LocalityWeighted : public ::testing::TestWithParam<LbPolicy> {};
INSTANTIATE_TEST_SUITE_P(Policies, LocalityWeighted,
                         ::testing::Values(LbPolicy::round_robin, LbPolicy::least_request,
                                           LbPolicy::random));

TEST_P(LocalityWeighted, LocalitiesGetTheirShareHoweverManyHostsTheyHave) {
  const auto set = hosts({in_zone("a1", "a", 3), in_zone("b1", "b", 1), in_zone("b2", "b", 1),
                          in_zone("b3", "b", 1), in_zone("a2", "a", 3)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  auto counts = pick_many(balancer, set, random, 4000);
  EXPECT_EQ(counts["a1"] + counts["a2"], 3000);
  EXPECT_EQ(counts["b1"] + counts["b2"] + counts["b3"], 1000);
  for (const auto& [name, count] : counts) EXPECT_GT(count, 200) << name;
}

TEST_P(LocalityWeighted, WithoutItTheWeightsOfLocalitiesDoNotCount) {
  const auto set = hosts({in_zone("a", "a", 9), in_zone("b", "b", 1)});
  LoadBalancer balancer(GetParam(), 2, kWorker);
  Random random(1);
  EXPECT_NEAR(pick_many(balancer, set, random, 4000)["a"], 2000, 150);
}

TEST_P(LocalityWeighted, ALocalityWithoutAWeightGetsNothing) {
  const auto set = hosts({in_zone("a", "a", 0), in_zone("b", "b", 1)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  EXPECT_EQ(pick_many(balancer, set, random, 100), (Counts{{"b", 100}}));
}

TEST_P(LocalityWeighted, WithoutAnyWeightAllHostsAreOneLocality) {
  const auto set = hosts({in_zone("a", "a", 0), in_zone("b", "b", 0), in_zone("c", "b", 0)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  for (const auto& [name, count] : pick_many(balancer, set, random, 3000))
    EXPECT_NEAR(count, 1000, 150) << name;
}

TEST_P(LocalityWeighted, ALocalityThatLostHostsGetsLess) {
  // Half of a is left: 1.4 / 2 of its share.
  const auto set =
      hosts({in_zone("a1", "a", 1), in_zone("a2", "a", 1, false), in_zone("b", "b", 1)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  auto counts = pick_many(balancer, set, random, 1700);
  EXPECT_NEAR(counts["a1"], 700, 2);
  EXPECT_NEAR(counts["b"], 1000, 2);
}

TEST_P(LocalityWeighted, ALocalityThatLostAFewHostsKeepsItsShare) {
  const auto set = hosts({in_zone("a1", "a", 1), in_zone("a2", "a", 1), in_zone("a3", "a", 1),
                          in_zone("a4", "a", 1, false), in_zone("b", "b", 1)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  EXPECT_NEAR(pick_many(balancer, set, random, 1000)["b"], 500, 1);
}

TEST_P(LocalityWeighted, OnlyTheLocalitiesOfTheServingPriorityCount) {
  const auto set = hosts(
      {in_zone("a", "a", 1, false), in_zone("b", "b", 1, true, 1), in_zone("c", "c", 3, true, 1)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  EXPECT_EQ(pick_many(balancer, set, random, 400), (Counts{{"b", 100}, {"c", 300}}));
}

TEST_P(LocalityWeighted, ARetryLeavesALocalityOfOneHost) {
  const auto set = hosts({in_zone("a", "a", 1000), in_zone("b", "b", 1), in_zone("none", "c", 0)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  for (int i = 0; i < 100; ++i)
    EXPECT_NE(balancer.pick(set, random, set->hosts[0].get()), set->hosts[0]);
}

TEST(RandomNumbers, StayBelowTheirBoundAndRepeatWithTheSeed) {
  Random a(42), b(42), c(43);
  std::set<std::uint32_t> seen;
  bool differs = false;
  for (int i = 0; i < 1000; ++i) {
    const auto value = a.below(7);
    EXPECT_LT(value, 7u);
    EXPECT_EQ(value, b.below(7));
    differs |= value != c.below(7);
    seen.insert(value);
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(a.below(1), 0u);
}

TEST_P(LocalityWeighted, InPanicLocalitiesDoNotCount) {
  const auto set =
      hosts({in_zone("a1", "a", 1), in_zone("a2", "a", 1, false), in_zone("b1", "b", 9, false)});
  LoadBalancer balancer(GetParam(), 2, kWorker, true);
  Random random(1);
  for (const auto& [name, count] : pick_many(balancer, set, random, 3000))
    EXPECT_NEAR(count, 1000, 150) << name;
}

}  // namespace
}  // namespace weir::upstream
