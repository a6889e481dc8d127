// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/worker_cluster.hpp"

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

OriginalDestination destination(const char* text) { return {*Endpoint::parse(text)}; }

struct Fixture {
  explicit Fixture(config::ClusterConfig config) {
    shared.config = std::make_shared<config::ClusterConfig>(std::move(config));
    if (shared.config->discovery == config::DiscoveryType::original_dst)
      shared.original_dst = std::make_unique<OriginalDstHosts>(1);
  }
  SharedCluster shared;
  stats::LazyClusterStats stats;
  Random random{1};
};

config::ClusterConfig original_dst_config() {
  config::ClusterConfig config;
  config.discovery = config::DiscoveryType::original_dst;
  config.lb_policy = config::LbPolicy::cluster_provided;
  return config;
}

TEST(WorkerCluster, ABlackHoleHasNoHost) {
  Fixture fixture({});
  WorkerCluster cluster(fixture.shared, fixture.stats, 0, std::make_shared<HostSet>());
  const auto pick = cluster.pick(destination("203.0.113.1:80"), fixture.random, nullptr);
  EXPECT_EQ(pick.host, nullptr);
  EXPECT_EQ(pick.failure, tcp::EndReason::no_healthy_upstream);
  EXPECT_EQ(fixture.stats.get().upstream_cx_none_healthy.value(), 1u);
}

TEST(WorkerCluster, OriginalDstDialsWhatTheClientDialled) {
  Fixture fixture(original_dst_config());
  WorkerCluster cluster(fixture.shared, fixture.stats, 0, std::make_shared<HostSet>());
  const auto pick = cluster.pick(destination("203.0.113.1:80"), fixture.random, nullptr);
  ASSERT_NE(pick.host, nullptr);
  EXPECT_EQ(pick.host->address.to_string(), "203.0.113.1:80");
  EXPECT_EQ(cluster.pick(destination("203.0.113.1:80"), fixture.random, nullptr).host, pick.host);
}

TEST(WorkerCluster, PortOverrideReplacesThePort) {
  auto config = original_dst_config();
  config.upstream_port_override = 8443;
  Fixture fixture(config);
  WorkerCluster cluster(fixture.shared, fixture.stats, 0, std::make_shared<HostSet>());
  EXPECT_EQ(cluster.pick(destination("203.0.113.1:80"), fixture.random, nullptr)
                .host->address.to_string(),
            "203.0.113.1:8443");
}

TEST(WorkerCluster, AConnectionThatWasNotRedirectedHasNoDestination) {
  Fixture fixture(original_dst_config());
  WorkerCluster cluster(fixture.shared, fixture.stats, 0, std::make_shared<HostSet>());
  EXPECT_EQ(cluster.pick(std::nullopt, fixture.random, nullptr).failure,
            tcp::EndReason::no_original_destination);
}

TEST(WorkerCluster, SweepKeepsHostsInUseAndForgetsTheOthersAfterARoundOfRest) {
  Fixture fixture(original_dst_config());
  WorkerCluster cluster(fixture.shared, fixture.stats, 0, std::make_shared<HostSet>());
  auto busy = UpstreamUse::take(
      cluster, cluster.pick(destination("203.0.113.1:80"), fixture.random, nullptr).host);
  static_cast<void>(cluster.pick(destination("203.0.113.2:80"), fixture.random, nullptr));
  cluster.sweep();  // both were used since the last sweep
  EXPECT_EQ(fixture.shared.original_dst->hosts().size(), 2u);
  cluster.sweep();
  ASSERT_EQ(fixture.shared.original_dst->hosts().size(), 1u);
  EXPECT_EQ(fixture.shared.original_dst->hosts()[0]->address.to_string(), "203.0.113.1:80");
  busy.reset();
  cluster.sweep();
  EXPECT_EQ(fixture.shared.original_dst->hosts().size(), 0u);
}

TEST(WorkerCluster, TheConnectionLimitIsExactAndGivenBack) {
  auto config = original_dst_config();
  config.default_limits.max_connections = 2;
  Fixture fixture(config);
  WorkerCluster cluster(fixture.shared, fixture.stats, 0, std::make_shared<HostSet>());
  const auto host = cluster.pick(destination("203.0.113.1:80"), fixture.random, nullptr).host;
  auto first = UpstreamUse::take(cluster, host);
  auto second = UpstreamUse::take(cluster, host);
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(UpstreamUse::take(cluster, host));
  EXPECT_EQ(fixture.stats.get().upstream_cx_overflow.value(), 1u);
  first.reset();
  EXPECT_TRUE(UpstreamUse::take(cluster, host));
  EXPECT_EQ(host->stats[0].cx_active.value(), 1);
  EXPECT_EQ(fixture.stats.get().upstream_cx_active.value(), 1);
}

}  // namespace
}  // namespace weir::upstream
