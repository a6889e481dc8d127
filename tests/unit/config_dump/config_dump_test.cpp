// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <google/protobuf/util/time_util.h>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "tests/unit/config_dump/dump_fixture.hpp"

namespace weir::config_dump::testing {
namespace {

using envoy::admin::v3::BootstrapConfigDump;
using envoy::admin::v3::ClustersConfigDump;
using envoy::admin::v3::EndpointsConfigDump;
using envoy::admin::v3::ListenersConfigDump;
using envoy::admin::v3::RoutesConfigDump;
using envoy::config::cluster::v3::Cluster;
using envoy::config::endpoint::v3::ClusterLoadAssignment;
using envoy::config::listener::v3::Listener;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Message>
Message unpacked(const google::protobuf::Any& any) {
  Message message;
  EXPECT_TRUE(any.UnpackTo(&message)) << any.type_url();
  return message;
}

std::string text(const google::protobuf::Timestamp& time) {
  return google::protobuf::util::TimeUtil::ToString(time);
}

TEST_F(DumpTest, TheSectionsInEnvoysOrder) {
  const auto types = [this](const std::string& query) {
    std::vector<std::string> urls;
    const ConfigDump shown = dump(query);
    for (const auto& any : shown.configs()) urls.push_back(any.type_url());
    return urls;
  };
  const std::string prefix = "type.googleapis.com/envoy.admin.v3.";
  EXPECT_THAT(types(""),
              ElementsAre(prefix + "BootstrapConfigDump", prefix + "ClustersConfigDump",
                          prefix + "ListenersConfigDump", prefix + "ScopedRoutesConfigDump",
                          prefix + "RoutesConfigDump", prefix + "SecretsConfigDump"));
  EXPECT_EQ(types("?include_eds")[2], prefix + "EndpointsConfigDump");
  EXPECT_EQ(types("?include_eds=off").size(), 7u) << "as in Envoy: whatever its value";
}

TEST_F(DumpTest, TheBootstrapLosesNothing) {
  envoy::config::bootstrap::v3::Bootstrap original;
  ASSERT_TRUE(original.ParseFromString(*store->snapshot()->bootstrap));
  EXPECT_EQ(original.static_resources().listeners_size(), 1);
  const auto shown = section<BootstrapConfigDump>();
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(shown.bootstrap(), original));
  EXPECT_EQ(text(shown.last_updated()), "2023-11-14T22:13:20.123Z");
}

TEST_F(DumpTest, StaticResources) {
  const auto listeners = section<ListenersConfigDump>();
  ASSERT_EQ(listeners.static_listeners_size(), 1);
  EXPECT_EQ(unpacked<Listener>(listeners.static_listeners(0).listener()).name(), "in");
  EXPECT_EQ(text(listeners.static_listeners(0).last_updated()), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(listeners.dynamic_listeners_size(), 0);
  const auto clusters = section<ClustersConfigDump>();
  ASSERT_EQ(clusters.static_clusters_size(), 1);
  EXPECT_EQ(unpacked<Cluster>(clusters.static_clusters(0).cluster()).name(), "fixed");
  EXPECT_EQ(clusters.dynamic_active_clusters_size(), 0);
  EXPECT_EQ(clusters.dynamic_warming_clusters_size(), 0);
}

TEST_F(DumpTest, AListenerKeepsTheVersionThatItChangedWith) {
  give(ResourceType::listener, listener("a", 1) + listener("b", 2), "1");
  give(ResourceType::listener, listener("a", 1) + listener("b", 3), "2");
  take_over();
  const auto shown = section<ListenersConfigDump>();
  EXPECT_EQ(shown.version_info(), "2");
  ASSERT_EQ(shown.dynamic_listeners_size(), 2);
  const auto& a = shown.dynamic_listeners(0);
  EXPECT_EQ(a.name(), "a");
  EXPECT_EQ(a.active_state().version_info(), "1");
  EXPECT_EQ(unpacked<Listener>(a.active_state().listener()).address().socket_address().port_value(),
            1u);
  EXPECT_GT(a.active_state().last_updated().seconds(), 1700000000);
  EXPECT_FALSE(a.has_warming_state() || a.has_draining_state() || a.has_error_state());
  EXPECT_EQ(shown.dynamic_listeners(1).active_state().version_info(), "2");
}

TEST_F(DumpTest, ListenersThatWarmAndDrain) {
  give(ResourceType::listener, listener("a", 1) + listener("gone", 2), "1");
  take_over();
  draining_listeners = {active_listeners.back()};
  active_listeners.pop_back();
  give(ResourceType::listener, listener("a", 3), "2");
  const auto shown = section<ListenersConfigDump>();
  ASSERT_EQ(shown.dynamic_listeners_size(), 2);
  EXPECT_EQ(shown.dynamic_listeners(0).active_state().version_info(), "1");
  EXPECT_EQ(shown.dynamic_listeners(0).warming_state().version_info(), "2");
  EXPECT_EQ(shown.dynamic_listeners(1).name(), "gone");
  EXPECT_EQ(shown.dynamic_listeners(1).draining_state().version_info(), "1");
  EXPECT_FALSE(shown.dynamic_listeners(1).has_active_state());
}

TEST_F(DumpTest, WhatWasRefusedStandsBesideWhatServes) {
  give(ResourceType::listener, listener("a", 1), "1");
  take_over();
  give(ResourceType::listener, listener("a", 8080), "2");  // the address of a static one
  const auto shown = section<ListenersConfigDump>();
  EXPECT_EQ(shown.version_info(), "1");
  ASSERT_EQ(shown.dynamic_listeners_size(), 1);
  const auto& a = shown.dynamic_listeners(0);
  EXPECT_EQ(a.active_state().version_info(), "1");
  EXPECT_FALSE(a.has_warming_state());
  const auto failed = unpacked<Listener>(a.error_state().failed_configuration());
  EXPECT_EQ(failed.address().socket_address().port_value(), 8080u);
  EXPECT_EQ(a.error_state().version_info(), "2");
  EXPECT_THAT(a.error_state().details(), HasSubstr("198.51.100.1:8080"));
  EXPECT_GT(a.error_state().last_update_attempt().seconds(), 1700000000);
  give(ResourceType::listener, listener("a", 1), "3");
  EXPECT_FALSE(section<ListenersConfigDump>().dynamic_listeners(0).has_error_state());
}

TEST_F(DumpTest, AnUnreadableResourceIsShownAsItWasWritten) {
  give(ResourceType::listener, listener("a", 1, ", traffic_direction: SIDEWAYS"), "1");
  const auto shown = section<ListenersConfigDump>();
  ASSERT_EQ(shown.dynamic_listeners_size(), 1);
  const auto& error = shown.dynamic_listeners(0).error_state();
  EXPECT_THAT(error.details(), HasSubstr("f.yaml:3:"));
  EXPECT_THAT(error.details(), HasSubstr("resources[0].traffic_direction"));
  const auto written = unpacked<google::protobuf::Struct>(error.failed_configuration());
  EXPECT_EQ(written.fields().at("traffic_direction").string_value(), "SIDEWAYS");
}

TEST_F(DumpTest, AListenerThatTheServerCouldNotHaveDoesNotWarm) {
  give(ResourceType::listener, listener("a", 1), "1");
  store->refuse_listener("a", "in use");
  const auto shown = section<ListenersConfigDump>().dynamic_listeners(0);
  EXPECT_FALSE(shown.has_warming_state() || shown.has_active_state());
  EXPECT_EQ(shown.error_state().details(), "in use");
  EXPECT_EQ(unpacked<Listener>(shown.error_state().failed_configuration()).name(), "a");
}

TEST_F(DumpTest, AFileThatIsBadAsAWholeIsAnEntryWithoutAName) {
  store->note_failure(ResourceType::listener, "/l", "file '/l': broken");
  store->note_failure(ResourceType::cluster, "/c", "file '/c': broken");
  const auto listeners = section<ListenersConfigDump>();
  ASSERT_EQ(listeners.dynamic_listeners_size(), 1);
  EXPECT_EQ(listeners.dynamic_listeners(0).name(), "");
  EXPECT_EQ(listeners.dynamic_listeners(0).error_state().details(), "file '/l': broken");
  const auto clusters = section<ClustersConfigDump>();
  ASSERT_EQ(clusters.dynamic_warming_clusters_size(), 1);
  EXPECT_EQ(clusters.dynamic_warming_clusters(0).error_state().details(), "file '/c': broken");
  store->note_failure(ResourceType::listener, "/l", "");
  EXPECT_EQ(section<ListenersConfigDump>().dynamic_listeners_size(), 0);
}

TEST_F(DumpTest, ClustersThatServeWarmAndWereRefused) {
  give(ResourceType::cluster, cluster("name: a") + cluster("name: b"), "1");
  take_over();
  give(ResourceType::cluster, cluster("name: a, connect_timeout: 2s") + cluster("name: b"), "2");
  give(ResourceType::cluster,
       cluster("name: a, connect_timeout: 2s") + cluster("name: b, connect_timeout: 0s") +
           cluster("name: c, connect_timeout: 0s"),
       "3");
  const auto shown = section<ClustersConfigDump>();
  EXPECT_EQ(shown.version_info(), "2");
  ASSERT_EQ(shown.dynamic_active_clusters_size(), 2);
  EXPECT_EQ(shown.dynamic_active_clusters(0).version_info(), "1");
  EXPECT_FALSE(unpacked<Cluster>(shown.dynamic_active_clusters(0).cluster()).has_connect_timeout());
  const auto& b = shown.dynamic_active_clusters(1);
  EXPECT_EQ(unpacked<Cluster>(b.cluster()).name(), "b");
  EXPECT_EQ(b.error_state().version_info(), "3");
  ASSERT_EQ(shown.dynamic_warming_clusters_size(), 2);
  EXPECT_EQ(shown.dynamic_warming_clusters(0).version_info(), "2");
  const auto& c = shown.dynamic_warming_clusters(1);
  EXPECT_FALSE(c.has_cluster());
  EXPECT_EQ(unpacked<Cluster>(c.error_state().failed_configuration()).name(), "c");
}

TEST_F(DumpTest, RouteTablesInsideOfListeners) {
  const auto shown = section<RoutesConfigDump>();
  ASSERT_EQ(shown.static_route_configs_size(), 1);
  const auto& routes = shown.static_route_configs(0);
  const auto table = unpacked<envoy::config::route::v3::RouteConfiguration>(routes.route_config());
  EXPECT_EQ(table.name(), "static-routes");
  EXPECT_EQ(table.virtual_hosts(0).routes(0).route().cluster(), "fixed");
  EXPECT_EQ(text(routes.last_updated()), "2023-11-14T22:13:20.123Z");
}

TEST_F(DumpTest, RouteTablesOfDynamicListeners) {
  const std::string manager =
      "name: envoy.filters.network.http_connection_manager, typed_config: { \"@type\": "
      "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
      "HttpConnectionManager, stat_prefix: x, route_config: { name: more }, http_filters: [ { "
      "name: envoy.filters.http.router, typed_config: { \"@type\": "
      "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } } ] }";
  give(ResourceType::listener,
       listener("a", 1, ", default_filter_chain: { filters: [ { " + manager + " } ] }"), "1");
  take_over();
  const auto shown = section<RoutesConfigDump>();
  ASSERT_EQ(shown.static_route_configs_size(), 2);
  EXPECT_EQ(unpacked<envoy::config::route::v3::RouteConfiguration>(
                shown.static_route_configs(1).route_config())
                .name(),
            "more");
}

TEST_F(DumpTest, RouteTablesThatListenersName) {
  const auto table = [](const std::string& fields) {
    return item("route.v3.RouteConfiguration", fields);
  };
  const std::string hosts =
      ", virtual_hosts: [ { name: v, domains: [ \"*\" ], routes: [ { match: { prefix: / }, route: "
      "{ cluster: fixed } } ] } ]";
  give(ResourceType::route, table("name: a" + hosts), "1");
  give(ResourceType::route, table("name: a, virtual_hosts: [ { name: w } ]"), "2");
  const auto shown = section<RoutesConfigDump>();
  ASSERT_EQ(shown.dynamic_route_configs_size(), 1);
  const auto& a = shown.dynamic_route_configs(0);
  EXPECT_EQ(a.version_info(), "1");
  EXPECT_EQ(unpacked<envoy::config::route::v3::RouteConfiguration>(a.route_config()).name(), "a");
  EXPECT_EQ(a.error_state().version_info(), "2");
  EXPECT_EQ(dump("?resource=dynamic_route_configs&name_regex=b").configs_size(), 0);
}

std::shared_ptr<upstream::Host> host(const char* address, std::uint32_t priority,
                                     const std::string& region) {
  auto made = std::make_shared<upstream::Host>();
  made->address.endpoint = {*IpAddress::parse(address), 80};
  made->priority = priority;
  made->region = region;
  return made;
}

TEST_F(DumpTest, EndpointsAsTheyAre) {
  give(ResourceType::cluster,
       cluster("name: a, type: EDS, eds_cluster_config: { service_name: svc, eds_config: { path: "
               "/e } }"),
       "1");
  give(ResourceType::endpoints, item("endpoint.v3.ClusterLoadAssignment", "cluster_name: svc"),
       "7");
  take_over();
  active_clusters[0].hosts = {{host("198.51.100.7", 0, "")}};
  auto sick = host("203.0.113.2", 1, "far");
  sick->health.set(upstream::HealthFlag::failed_active_hc);
  active_clusters[1].hosts = {{sick}, {host("203.0.113.1", 0, "near")}};
  const auto shown = section<EndpointsConfigDump>("?include_eds");
  ASSERT_EQ(shown.static_endpoint_configs_size(), 1);
  EXPECT_EQ(unpacked<ClusterLoadAssignment>(shown.static_endpoint_configs(0).endpoint_config())
                .cluster_name(),
            "fixed");
  ASSERT_EQ(shown.dynamic_endpoint_configs_size(), 1);
  EXPECT_EQ(shown.dynamic_endpoint_configs(0).version_info(), "7");
  const auto set =
      unpacked<ClusterLoadAssignment>(shown.dynamic_endpoint_configs(0).endpoint_config());
  EXPECT_EQ(set.cluster_name(), "svc");
  ASSERT_EQ(set.endpoints_size(), 2);
  EXPECT_EQ(set.endpoints(0).locality().region(), "near");
  EXPECT_EQ(set.endpoints(0).lb_endpoints(0).health_status(), envoy::config::core::v3::HEALTHY);
  EXPECT_EQ(set.endpoints(1).priority(), 1u);
  const auto& far = set.endpoints(1).lb_endpoints(0);
  EXPECT_EQ(far.health_status(), envoy::config::core::v3::UNHEALTHY);
  EXPECT_EQ(far.endpoint().address().socket_address().address(), "203.0.113.2");
  EXPECT_EQ(far.endpoint().address().socket_address().port_value(), 80u);
  EXPECT_EQ(far.load_balancing_weight().value(), 1u);
}

TEST_F(DumpTest, EndpointsThatWereRefused) {
  const std::string wrong =
      "cluster_name: svc, endpoints: [ { lb_endpoints: [ { load_balancing_weight: x } ] } ]";
  give(ResourceType::endpoints, item("endpoint.v3.ClusterLoadAssignment", wrong), "8");
  const auto shown = section<EndpointsConfigDump>("?include_eds");
  ASSERT_EQ(shown.dynamic_endpoint_configs_size(), 1);
  EXPECT_THAT(shown.dynamic_endpoint_configs(0).error_state().details(), HasSubstr("'x'"));
}

}  // namespace
}  // namespace weir::config_dump::testing
