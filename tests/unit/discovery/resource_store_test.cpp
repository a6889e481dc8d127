// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/resource_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "proxy/discovery/resource_file.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace weir::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string item(const std::string& type, const std::string& fields) {
  return "- { \"@type\": type.googleapis.com/envoy.config." + type + ", " + fields + " }\n";
}
std::string cluster(const std::string& fields) { return item("cluster.v3.Cluster", fields); }
std::string endpoints(const std::string& fields) {
  return item("endpoint.v3.ClusterLoadAssignment", fields);
}
std::string listener(const std::string& name, int port, const std::string& chain = "tcp") {
  return item("listener.v3.Listener",
              "name: " + name +
                  ", address: { socket_address: { address: 198.51.100.1, port_value: " +
                  std::to_string(port) + " } }, filter_chains: [ { name: " + chain + " } ]");
}

class ResourceStoreTest : public ::testing::Test {
 protected:
  ResourceStoreTest() {
    auto fixed = std::make_shared<config::Snapshot>();
    auto known = std::make_shared<config::ClusterConfig>();
    known->name = "fixed";
    fixed->clusters.push_back(std::move(known));
    store.emplace(std::move(fixed), config::testing::test_registry(), nullptr);
  }
  ResourceStore::Outcome give(ResourceType type, const std::string& resources,
                              const std::string& version = "1") {
    const auto parsed = parse_resource_file(
        "f.yaml", "version_info: \"" + version + "\"\nresources:\n" + resources, type);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return store->update((*parsed)->update);
  }
  std::vector<std::string> cluster_names() const {
    std::vector<std::string> names;
    for (const auto& config : store->snapshot()->clusters) names.push_back(config->name);
    return names;
  }
  std::vector<std::string> listener_names() const {
    std::vector<std::string> names;
    for (const auto& config : store->snapshot()->listeners) names.push_back(config->name);
    return names;
  }
  std::optional<ResourceStore> store;
};

TEST_F(ResourceStoreTest, WhatHasNotChangedStaysTheSameObject) {
  give(ResourceType::cluster, cluster("name: a") + cluster("name: b"));
  const auto before = store->snapshot();
  EXPECT_THAT(cluster_names(), ElementsAre("fixed", "a", "b"));
  const auto outcome = give(ResourceType::cluster,
                            cluster("name: a") + cluster("name: b, connect_timeout: 2s"), "2");
  EXPECT_THAT(outcome.changed, ElementsAre("b"));
  const auto after = store->snapshot();
  EXPECT_NE(after, before);
  EXPECT_EQ(after->clusters[0], before->clusters[0]);
  EXPECT_EQ(after->clusters[1], before->clusters[1]);
  EXPECT_NE(after->clusters[2], before->clusters[2]);
  EXPECT_EQ(store->clusters().at("a").version, "2");
}

TEST_F(ResourceStoreTest, TheSameAgainIsNoChange) {
  give(ResourceType::cluster, cluster("name: a"));
  const auto before = store->snapshot();
  EXPECT_THAT(give(ResourceType::cluster, cluster("name: a"), "2").changed, IsEmpty());
  EXPECT_EQ(store->snapshot(), before);
}

TEST_F(ResourceStoreTest, WhatIsLeftOutGoes) {
  give(ResourceType::cluster, cluster("name: a") + cluster("name: b"));
  EXPECT_THAT(give(ResourceType::cluster, cluster("name: b")).changed, ElementsAre("a"));
  EXPECT_THAT(cluster_names(), ElementsAre("fixed", "b"));
}

TEST_F(ResourceStoreTest, ABadOneKeepsItsLastGoodVersionAndTheOthersAreApplied) {
  give(ResourceType::cluster, cluster("name: a, connect_timeout: 1s"));
  const auto before = store->snapshot()->clusters[1];
  const auto outcome = give(ResourceType::cluster,
                            cluster("name: a, connect_timeout: 0s") + cluster("name: b"), "2");
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_EQ(outcome.rejections[0].name, "a");
  EXPECT_EQ(outcome.rejections[0].text,
            "f.yaml:3:76: resources[0].connect_timeout: must be greater than 0s");
  EXPECT_THAT(cluster_names(), ElementsAre("fixed", "a", "b"));
  EXPECT_EQ(store->snapshot()->clusters[1], before);
  EXPECT_EQ(store->clusters().at("a").version, "1");
  ASSERT_TRUE(store->clusters().at("a").error);
  EXPECT_EQ(store->clusters().at("a").error->version, "2");
  give(ResourceType::cluster, cluster("name: a, connect_timeout: 3s"), "3");
  EXPECT_FALSE(store->clusters().at("a").error);
}

/// As a control plane gives it: with a name of its own beside the body's.
Update named(const std::string& name, const envoy::config::cluster::v3::Cluster& body) {
  Update update;
  update.type = ResourceType::cluster;
  Resource& resource = update.changed.emplace_back();
  resource.name = name;
  resource.body.PackFrom(body);
  return update;
}

TEST_F(ResourceStoreTest, TheNameOfAnotherIsRefused) {
  give(ResourceType::cluster, cluster("name: a") + cluster("name: b"));
  const auto before = store->snapshot();
  envoy::config::cluster::v3::Cluster body;
  body.set_name("a");
  const auto outcome = store->update(named("b", body));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_EQ(outcome.rejections[0].name, "b");
  EXPECT_THAT(outcome.rejections[0].text, HasSubstr("is called 'a' inside"));
  EXPECT_EQ(store->snapshot(), before);
  EXPECT_THAT(store->update(named("a", body)).rejections, IsEmpty());
}

TEST_F(ResourceStoreTest, AValueThatAnEnumerationDoesNotHaveIsRefused) {
  envoy::config::cluster::v3::Cluster body;
  body.set_name("a");
  body.set_lb_policy(static_cast<envoy::config::cluster::v3::Cluster::LbPolicy>(99));
  const auto outcome = store->update(named("a", body));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(outcome.rejections[0].text,
              HasSubstr("lb_policy: '99': envoy.config.cluster.v3.Cluster.LbPolicy has no such"));
  EXPECT_THAT(cluster_names(), ElementsAre("fixed"));
}

TEST_F(ResourceStoreTest, ABadOneThatIsNewIsNotServed) {
  const auto outcome = give(ResourceType::cluster, cluster("name: a, connect_timeout: 0s"));
  EXPECT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(cluster_names(), ElementsAre("fixed"));
  EXPECT_TRUE(store->clusters().at("a").error);
}

TEST_F(ResourceStoreTest, WhatTheBootstrapSaysCannotBeChanged) {
  const auto outcome = give(ResourceType::cluster, cluster("name: fixed"));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(outcome.rejections[0].text, HasSubstr("'fixed' is static"));
}

TEST_F(ResourceStoreTest, TheFirstOfTwoWithOneNameCounts) {
  const auto outcome =
      give(ResourceType::cluster, cluster("name: a") + cluster("name: a, connect_timeout: 2s"));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(outcome.rejections[0].text, HasSubstr("duplicate resource 'a' found"));
  EXPECT_EQ(store->snapshot()->clusters[1]->connect_timeout, std::chrono::seconds(5));
}

TEST_F(ResourceStoreTest, AnotherTypeIsRefused) {
  const auto outcome = give(ResourceType::listener, cluster("name: a"));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(outcome.rejections[0].text, HasSubstr("expected envoy.config.listener.v3.Listener"));
}

TEST_F(ResourceStoreTest, EndpointsLeaveTheSnapshotAlone) {
  const auto before = store->snapshot();
  const std::string one =
      "endpoints: [ { lb_endpoints: [ { endpoint: { address: { socket_address: "
      "{ address: 198.51.100.7, port_value: 80 } } } } ] } ]";
  EXPECT_THAT(give(ResourceType::endpoints, endpoints("cluster_name: a, " + one)).changed,
              ElementsAre("a"));
  EXPECT_EQ(store->snapshot(), before);
  ASSERT_NE(store->find_endpoints("a"), nullptr);
  EXPECT_EQ(store->find_endpoints("a")->at(0).host, "198.51.100.7");
  give(ResourceType::endpoints, endpoints("cluster_name: b"));
  EXPECT_NE(store->find_endpoints("a"), nullptr) << "those that are not named stay as they are";
}

TEST_F(ResourceStoreTest, TwoListenersCannotHaveOneAddress) {
  give(ResourceType::listener, listener("a", 80) + listener("b", 81));
  const auto outcome = give(ResourceType::listener, listener("a", 80) + listener("b", 80));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_EQ(outcome.rejections[0].name, "b");
  EXPECT_THAT(outcome.rejections[0].text, HasSubstr("duplicate address '198.51.100.1:80'"));
  EXPECT_THAT(listener_names(), ElementsAre("a", "b"));
  EXPECT_EQ(store->snapshot()->listeners[1]->addresses[0].address.endpoint.port, 81);
}

TEST_F(ResourceStoreTest, TheFirstGetsTheAddressAndTheSecondWhenItIsFree) {
  const auto outcome = give(ResourceType::listener, listener("z", 80) + listener("a", 80), "4");
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_EQ(outcome.rejections[0].text,
            "error adding listener: 'a' has duplicate address '198.51.100.1:80' as existing "
            "listener 'z'; it is taken when that one gives the address up");
  EXPECT_THAT(listener_names(), ElementsAre("z"));
  EXPECT_THAT(outcome.changed, ElementsAre("z"));
  EXPECT_THAT(store->second_tries(ResourceType::cluster), IsEmpty());
  Update removal;
  removal.type = ResourceType::listener;
  removal.removed = {"z"};
  store->update(removal);
  const auto tries = store->second_tries(ResourceType::listener);
  ASSERT_EQ(tries.size(), 1u);
  EXPECT_THAT(store->update(tries[0]).rejections, IsEmpty());
  EXPECT_THAT(listener_names(), ElementsAre("a"));
  EXPECT_EQ(store->listeners().at("a").version, "4");
  EXPECT_FALSE(store->listeners().at("a").error);
  EXPECT_THAT(store->second_tries(ResourceType::listener), IsEmpty());
}

TEST_F(ResourceStoreTest, WhoKeepsAnOldAddressKeepsItFromOthers) {
  give(ResourceType::listener, listener("a", 80) + listener("b", 81) + listener("c", 82));
  // c would have a's old address, but a is refused: 'b' does not give up what it wants.
  const auto outcome =
      give(ResourceType::listener, listener("c", 80) + listener("b", 81) + listener("a", 81));
  std::vector<std::string> refused;
  for (const auto& rejection : outcome.rejections) refused.push_back(rejection.name);
  EXPECT_THAT(refused, ElementsAre("a", "c"));
  std::vector<int> ports;
  for (const auto& config : store->snapshot()->listeners)
    ports.push_back(config->addresses[0].address.endpoint.port);
  EXPECT_THAT(ports, ElementsAre(80, 81, 82));
}

TEST_F(ResourceStoreTest, WhatIsSentNoMoreIsNotTriedAgain) {
  give(ResourceType::listener, listener("a", 80) + listener("b", 80));
  EXPECT_EQ(store->second_tries(ResourceType::listener).size(), 1u);
  give(ResourceType::listener, listener("a", 80));
  EXPECT_THAT(store->second_tries(ResourceType::listener), IsEmpty());
  give(ResourceType::listener, listener("a", 80) + listener("b", 80));
  give(ResourceType::listener, listener("a", 80) + listener("b", 81));
  EXPECT_THAT(store->second_tries(ResourceType::listener), IsEmpty());
}

TEST_F(ResourceStoreTest, RoutesThatLackAClusterAreTriedAgain) {
  const auto table = [](const std::string& more) {
    return item("route.v3.RouteConfiguration",
                "name: t, validate_clusters: true, virtual_hosts: [ { name: all, domains: [ '*' ], "
                "routes: [ { match: { prefix: / }, route: { cluster: late } } ] } ]" +
                    more);
  };
  EXPECT_EQ(give(ResourceType::route, table("")).rejections.size(), 1u);
  const auto early = store->second_tries(ResourceType::cluster);
  ASSERT_EQ(early.size(), 1u);
  EXPECT_EQ(store->update(early[0]).rejections.size(), 1u);
  give(ResourceType::cluster, cluster("name: late"));
  EXPECT_THAT(store->update(store->second_tries(ResourceType::cluster).at(0)).rejections,
              IsEmpty());
  EXPECT_NE(store->find_route_table("t"), nullptr);
  EXPECT_THAT(store->second_tries(ResourceType::cluster), IsEmpty());
}

TEST_F(ResourceStoreTest, ARefusalOfTheServerOutlivesTheSameAgain) {
  give(ResourceType::listener, listener("a", 80));
  store->refuse_listener("a", "in use");
  give(ResourceType::listener, listener("a", 80), "2");
  ASSERT_TRUE(store->listeners().at("a").error);
  store->accept_listener("a");
  EXPECT_FALSE(store->listeners().at("a").error);
}

TEST_F(ResourceStoreTest, ListenersMaySwapTheirAddresses) {
  give(ResourceType::listener, listener("a", 80) + listener("b", 81));
  EXPECT_THAT(give(ResourceType::listener, listener("a", 81) + listener("b", 80)).rejections,
              IsEmpty());
}

TEST_F(ResourceStoreTest, FingerprintsTellChainsFromTheRest) {
  give(ResourceType::listener, listener("a", 80, "one"));
  const auto before = store->snapshot()->listeners[0];
  give(ResourceType::listener, listener("a", 80, "two"));
  const auto after = store->snapshot()->listeners[0];
  EXPECT_EQ(after->frame_fingerprint, before->frame_fingerprint);
  EXPECT_NE(after->filter_chains[0].fingerprint, before->filter_chains[0].fingerprint);
  give(ResourceType::listener, listener("a", 81, "two"));
  EXPECT_NE(store->snapshot()->listeners[0]->frame_fingerprint, before->frame_fingerprint);
}

TEST_F(ResourceStoreTest, AnotherDrainPolicyIsAChangeInPlace) {
  const auto with = [](const std::string& metadata) {
    std::string text = listener("a", 80);
    return text.insert(text.rfind(" }"), ", metadata: { filter_metadata: { " + metadata + " } }");
  };
  give(ResourceType::listener, listener("a", 80));
  const auto before = store->snapshot()->listeners[0];
  give(ResourceType::listener, with("weir: { drain_policy: never }"));
  const auto after = store->snapshot()->listeners[0];
  EXPECT_EQ(after->drain_policy.kind, config::DrainPolicy::Kind::never);
  EXPECT_EQ(after->frame_fingerprint, before->frame_fingerprint);
  give(ResourceType::listener, with("other: { drain_policy: never }"));
  EXPECT_NE(store->snapshot()->listeners[0]->frame_fingerprint, before->frame_fingerprint);
  const auto refused =
      give(ResourceType::listener, with("weir: { drain_policy: sometimes }")).rejections;
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_THAT(refused[0].text,
              HasSubstr("metadata.filter_metadata.weir.drain_policy: drain policy 'sometimes': "
                        "expected never, on_change or a time such as 30s"));
}

TEST_F(ResourceStoreTest, NothingGoesWhileSomebodyWithoutANameIsRefused) {
  give(ResourceType::cluster, cluster("name: a") + cluster("name: b"));
  const auto outcome =
      give(ResourceType::cluster, cluster("connect_timeout: 1s") + cluster("name: b"));
  EXPECT_THAT(outcome.changed, IsEmpty());
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(outcome.rejections[0].text, HasSubstr("has no name"));
  EXPECT_THAT(cluster_names(), ElementsAre("fixed", "a", "b"));
}

TEST_F(ResourceStoreTest, WhatIsRemovedByNameGoes) {
  give(ResourceType::cluster, cluster("name: a") + cluster("name: b"));
  Update update;
  update.type = ResourceType::cluster;
  update.removed = {"a", "never"};
  EXPECT_THAT(store->update(update).changed, ElementsAre("a"));
  EXPECT_THAT(cluster_names(), ElementsAre("fixed", "b"));
}

std::string routes(const std::string& fields) {
  return item("route.v3.RouteConfiguration", fields);
}

TEST_F(ResourceStoreTest, RouteTablesStayUntilTheyAreForgotten) {
  const std::string host = "virtual_hosts: [ { name: h, domains: [ \"*\" ] } ]";
  EXPECT_THAT(give(ResourceType::route, routes("name: r, " + host) + routes("name: s")).changed,
              ElementsAre("r", "s"));
  const auto table = store->find_route_table("r");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->config().virtual_hosts.size(), 1u);
  Update update;
  update.type = ResourceType::route;
  update.removed = {"r"};
  EXPECT_THAT(store->update(update).changed, IsEmpty());
  EXPECT_EQ(store->find_route_table("r"), table);
  store->forget_route_table("r");
  EXPECT_EQ(store->find_route_table("r"), nullptr);
}

TEST_F(ResourceStoreTest, ClustersOfARouteTableMustExistOnlyIfItSaysSo) {
  const auto to = [](const std::string& cluster, const std::string& more = "") {
    return routes("name: r, " + more +
                  "virtual_hosts: [ { name: h, domains: [ \"*\" ], routes: [ " +
                  "{ match: { prefix: / }, route: { cluster: " + cluster + " } } ] } ]");
  };
  EXPECT_THAT(give(ResourceType::route, to("later")).rejections, IsEmpty());
  const auto good = store->find_route_table("r");
  const auto outcome = give(ResourceType::route, to("never", "validate_clusters: true, "));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(outcome.rejections[0].text, HasSubstr("never"));
  EXPECT_EQ(store->find_route_table("r"), good);
  EXPECT_THAT(give(ResourceType::route, to("fixed", "validate_clusters: true, ")).rejections,
              IsEmpty());
}

TEST_F(ResourceStoreTest, EndpointsStayUntilTheyAreForgotten) {
  give(ResourceType::endpoints, endpoints("cluster_name: e"));
  Update update;
  update.type = ResourceType::endpoints;
  update.removed = {"e"};
  store->update(update);
  EXPECT_NE(store->find_endpoints("e"), nullptr);
  store->forget_endpoints("e");
  EXPECT_EQ(store->find_endpoints("e"), nullptr);
}

TEST_F(ResourceStoreTest, AdsNeedsAnAdsConfig) {
  const auto outcome =
      give(ResourceType::cluster,
           cluster("name: a, type: EDS, eds_cluster_config: { eds_config: { ads: {} } }"));
  ASSERT_EQ(outcome.rejections.size(), 1u);
  EXPECT_THAT(
      outcome.rejections[0].text,
      HasSubstr("eds_cluster_config.eds_config.ads: there is no dynamic_resources.ads_config"));
}

}  // namespace
}  // namespace weir::discovery
