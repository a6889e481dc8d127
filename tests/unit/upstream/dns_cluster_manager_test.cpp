// SPDX-License-Identifier: Apache-2.0
#include <map>

#include <gtest/gtest.h>

#include "fake_dns_server.hpp"
#include "proxy/upstream/cluster_manager.hpp"
#include "proxy/upstream/dns_cluster.hpp"
#include "proxy/upstream/host_set_builder.hpp"

namespace weir::upstream {
namespace {

using config::ClusterConfig;
using config::DiscoveryType;
using config::DnsLookupFamily;
using std::chrono::milliseconds;
using std::chrono::seconds;

ClusterConfig cluster(std::string name, DiscoveryType type, const std::vector<std::string>& hosts) {
  ClusterConfig config;
  config.name = std::move(name);
  config.discovery = type;
  config.dns_refresh_rate = milliseconds(5);
  config.dns_lookup_family = DnsLookupFamily::v4_only;
  for (const std::string& host : hosts) {
    config::EndpointConfig endpoint;
    endpoint.host = host;
    endpoint.port = 80;
    config.endpoints.push_back(endpoint);
  }
  return config;
}

std::vector<std::string> texts(const HostSet& set) {
  std::vector<std::string> out;
  for (const auto& host : set.hosts) out.push_back(host->address.to_string());
  return out;
}
using Texts = std::vector<std::string>;

class ClusterManagerTest : public ::testing::Test {
 protected:
  void start(std::vector<ClusterConfig> clusters) {
    auto snapshot = std::make_shared<config::Snapshot>();
    for (ClusterConfig& config : clusters)
      snapshot->clusters.push_back(std::make_shared<ClusterConfig>(std::move(config)));
    manager_.start(
        snapshot,
        [this](std::size_t index, std::shared_ptr<const HostSet> hosts) {
          published_[index].push_back(std::move(hosts));
        },
        [this] { ++initialized_; });
  }
  bool run_until_initialized() {
    return run_until(io_, [this] { return initialized_ > 0; });
  }
  /// Lets the names be looked up `count` more times.
  bool run_lookups(std::string_view name, std::uint64_t count) {
    auto& stats = store_.cluster_hosts(name);
    const std::uint64_t target = stats.update_attempt.value() + count;
    return run_until(io_, [&] { return stats.update_attempt.value() >= target; });
  }

  asio::io_context io_;
  FakeDnsServer server_{io_};
  stats::StatsStore store_{2};
  std::map<std::size_t, std::vector<std::shared_ptr<const HostSet>>> published_;
  int initialized_ = 0;
  ClusterManager manager_{
      io_, store_, {{server_.endpoint()}, milliseconds(200), milliseconds(2000)}};
};

TEST_F(ClusterManagerTest, StaticHostsAreThereAtOnce) {
  auto config = cluster("s", DiscoveryType::static_hosts, {"198.51.100.1", "2001:db8::1"});
  config.endpoints[1].weight = 4;
  config.endpoints[1].healthy = false;
  start({config, cluster("blackhole", DiscoveryType::static_hosts, {}),
         cluster("original", DiscoveryType::original_dst, {})});
  ASSERT_EQ(published_.size(), 3u);
  EXPECT_EQ(texts(*published_[0].front()), (Texts{"198.51.100.1:80", "[2001:db8::1]:80"}));
  EXPECT_EQ(published_[0].front()->hosts[1]->weight, 4u);
  EXPECT_EQ(published_[0].front()->hosts[0]->stats.size(), 2u);
  EXPECT_TRUE(published_[1].front()->empty());
  EXPECT_TRUE(published_[2].front()->empty());
  EXPECT_EQ(initialized_, 0) << "must be called from the event loop";
  ASSERT_TRUE(run_until_initialized());
  auto& stats = store_.cluster_hosts("s");
  EXPECT_EQ(stats.membership_total.value(), 2);
  EXPECT_EQ(stats.membership_healthy.value(), 1);
  EXPECT_EQ(stats.max_host_weight.value(), 4);
  EXPECT_EQ(store_.cluster_manager().active_clusters.value(), 3);
}

TEST_F(ClusterManagerTest, StrictDnsTakesEveryAddressOfEveryName) {
  server_.set("a.test", {{"198.51.100.1", "198.51.100.2"}}, {});
  server_.set("b.test", {{"198.51.100.3", "198.51.100.1"}}, {});
  start({cluster("d", DiscoveryType::strict_dns, {"a.test", "b.test", "203.0.113.9"})});
  EXPECT_TRUE(published_[0].front()->empty());
  EXPECT_EQ(store_.cluster_manager().warming_clusters.value(), 1);
  ASSERT_TRUE(run_until_initialized());
  EXPECT_EQ(texts(*manager_.hosts(0)),
            (Texts{"198.51.100.1:80", "198.51.100.2:80", "198.51.100.3:80", "203.0.113.9:80"}));
  EXPECT_EQ(manager_.hosts(0)->hosts.front()->hostname, "a.test");
  EXPECT_EQ(store_.cluster_manager().warming_clusters.value(), 0);
  EXPECT_EQ(initialized_, 1);
}

TEST_F(ClusterManagerTest, WithHealthChecksTheFirstRoundIsPartOfTheStart) {
  server_.set("a.test", {{"127.0.0.1"}}, {});
  auto config = cluster("d", DiscoveryType::strict_dns, {"a.test"});
  config.endpoints[0].port = 1;  // nobody listens there
  config.health_checks.resize(1);
  config.health_checks[0].timeout = config.health_checks[0].interval = seconds(5);
  std::vector<std::string> failed;
  manager_.set_on_host_failed([&](std::size_t, const std::shared_ptr<const Host>& host) {
    failed.push_back(host->address.to_string());
  });
  start({config, cluster("s", DiscoveryType::static_hosts, {"198.51.100.1"})});
  ASSERT_TRUE(run_until(io_, [&] { return !manager_.hosts(0)->empty(); }));
  EXPECT_EQ(initialized_, 0);
  EXPECT_EQ(store_.cluster_manager().warming_clusters.value(), 1);
  ASSERT_TRUE(run_until_initialized());
  EXPECT_EQ(store_.health_check("d", 2).network_failure.value(), 1u);
  EXPECT_EQ(store_.cluster_hosts("d").membership_healthy.value(), 0);
  EXPECT_EQ(store_.cluster_manager().warming_clusters.value(), 0);
  EXPECT_TRUE(failed.empty()) << "it was never well";
  EXPECT_EQ(initialized_, 1);
}

TEST_F(ClusterManagerTest, HostsThatStayAreTheSameObjects) {
  server_.set("a.test", {{"198.51.100.1", "198.51.100.2"}}, {});
  start({cluster("d", DiscoveryType::strict_dns, {"a.test"})});
  ASSERT_TRUE(run_until_initialized());
  const auto before = manager_.hosts(0);
  server_.set("a.test", {{"198.51.100.3", "198.51.100.2"}}, {});
  ASSERT_TRUE(run_until(io_, [&] { return manager_.hosts(0) != before; }));
  EXPECT_EQ(texts(*manager_.hosts(0)), (Texts{"198.51.100.2:80", "198.51.100.3:80"}));
  EXPECT_EQ(manager_.hosts(0)->hosts[0], before->hosts[1]);
  EXPECT_EQ(published_[0].back(), manager_.hosts(0));
}

TEST_F(ClusterManagerTest, ARotatedAnswerIsNoChange) {
  server_.set("a.test", {{"198.51.100.1", "198.51.100.2"}}, {});
  start({cluster("d", DiscoveryType::strict_dns, {"a.test"})});
  ASSERT_TRUE(run_until_initialized());
  const std::size_t published = published_[0].size();
  server_.set("a.test", {{"198.51.100.2", "198.51.100.1"}}, {});
  ASSERT_TRUE(run_lookups("d", 3));
  EXPECT_EQ(published_[0].size(), published);
  EXPECT_GE(store_.cluster_hosts("d").update_no_rebuild.value(), 1u);
}

TEST_F(ClusterManagerTest, FailedAndEmptyLookupsKeepTheHosts) {
  server_.set("a.test", {{"198.51.100.1"}}, {});
  start({cluster("d", DiscoveryType::strict_dns, {"a.test"})});
  ASSERT_TRUE(run_until_initialized());
  const auto before = manager_.hosts(0);
  auto& stats = store_.cluster_hosts("d");
  server_.set("a.test", {{}, 0, FakeDnsServer::kNxDomain}, {});
  ASSERT_TRUE(run_until(io_, [&] { return stats.update_failure.value() >= 2; }));
  EXPECT_EQ(manager_.hosts(0), before);
  server_.set("a.test", {}, {});
  ASSERT_TRUE(run_until(io_, [&] { return stats.update_empty.value() >= 2; }));
  EXPECT_EQ(manager_.hosts(0), before);
  server_.set("a.test", {{"198.51.100.2"}}, {});
  ASSERT_TRUE(run_until(io_, [&] { return manager_.hosts(0) != before; }));
  EXPECT_EQ(texts(*manager_.hosts(0)), Texts{"198.51.100.2:80"});
}

TEST_F(ClusterManagerTest, AFailedFirstLookupCompletesInitialisation) {
  start({cluster("d", DiscoveryType::strict_dns, {"absent.test"})});
  ASSERT_TRUE(run_until_initialized());
  EXPECT_TRUE(manager_.hosts(0)->empty());
  server_.set("absent.test", {{"198.51.100.1"}}, {});
  ASSERT_TRUE(run_until(io_, [&] { return !manager_.hosts(0)->empty(); }));
  EXPECT_EQ(initialized_, 1);
}

TEST_F(ClusterManagerTest, LogicalDnsIsTheFirstAddressOnly) {
  server_.set("a.test", {{"198.51.100.1", "198.51.100.2"}}, {});
  start({cluster("l", DiscoveryType::logical_dns, {"a.test"})});
  ASSERT_TRUE(run_until_initialized());
  EXPECT_EQ(texts(*manager_.hosts(0)), Texts{"198.51.100.1:80"});
  server_.set("a.test", {{"198.51.100.2", "198.51.100.1"}}, {});
  ASSERT_TRUE(
      run_until(io_, [&] { return texts(*manager_.hosts(0)) == Texts{"198.51.100.2:80"}; }));
}

TEST_F(ClusterManagerTest, NothingIsPublishedAfterStop) {
  server_.set("a.test", {{"198.51.100.1"}}, {});
  start({cluster("d", DiscoveryType::strict_dns, {"a.test"})});
  ASSERT_TRUE(run_until_initialized());
  const std::size_t published = published_[0].size();
  server_.set("a.test", {{"198.51.100.2"}}, {});
  manager_.stop();
  io_.restart();
  io_.run_for(milliseconds(50));
  EXPECT_EQ(published_[0].size(), published);
}

TEST(RefreshDelay, RateOrTtlWithJitter) {
  ClusterConfig config = cluster("c", DiscoveryType::strict_dns, {});
  config.dns_refresh_rate = milliseconds(5000);
  EXPECT_EQ(refresh_delay(config, seconds(30), 0), milliseconds(5000));
  config.respect_dns_ttl = true;
  EXPECT_EQ(refresh_delay(config, seconds(30), 0), milliseconds(30000));
  EXPECT_EQ(refresh_delay(config, seconds(0), 0), milliseconds(5000)) << "no TTL: the refresh rate";
  for (const std::uint32_t random : {1u, 1000u, 0xffffffffu}) {
    EXPECT_GE(refresh_delay(config, seconds(30), random), milliseconds(30000));
    EXPECT_LE(refresh_delay(config, seconds(30), random), milliseconds(33000));
  }
  config.dns_refresh_rate = milliseconds(0);
  EXPECT_GT(refresh_delay(config, seconds(0), 0), milliseconds(0));
}

TEST(BuildDnsHosts, AChangedEndpointMakesANewHost) {
  config::EndpointConfig endpoint;
  endpoint.host = "a.test";
  endpoint.port = 80;
  const std::vector<ResolvedEndpoint> resolved{{&endpoint, {*IpAddress::parse("198.51.100.1")}}};
  const auto first = build_dns_hosts(resolved, std::make_shared<HostSet>(), 1);
  EXPECT_EQ(build_dns_hosts(resolved, first, 1), first);
  endpoint.weight = 7;
  const auto second = build_dns_hosts(resolved, first, 1);
  EXPECT_NE(second->hosts.front(), first->hosts.front());
  EXPECT_EQ(second->hosts.front()->weight, 7u);
}

TEST(RetryDelay, DoublesFromTheBaseToTheMost) {
  config::ClusterConfig config;
  config.dns_refresh_rate = std::chrono::milliseconds(5000);
  EXPECT_EQ(retry_delay(config, 7, 0), std::chrono::milliseconds(5000)) << "none configured";
  config.dns_failure_refresh_rate = {std::chrono::milliseconds(100),
                                     std::chrono::milliseconds(350)};
  EXPECT_EQ(retry_delay(config, 1, 0), std::chrono::milliseconds(100));
  EXPECT_EQ(retry_delay(config, 2, 0), std::chrono::milliseconds(200));
  EXPECT_EQ(retry_delay(config, 3, 0), std::chrono::milliseconds(350));
  EXPECT_EQ(retry_delay(config, 1000, 0), std::chrono::milliseconds(350));
}

}  // namespace
}  // namespace weir::upstream
