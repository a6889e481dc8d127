// SPDX-License-Identifier: Apache-2.0
// A store with a bootstrap and resources from files, and what /config_dump says of it.
#pragma once

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "envoy/admin/v3/config_dump.pb.h"
#include "envoy/admin/v3/config_dump_shared.pb.h"
#include "proxy/config/bootstrap.hpp"
#include "proxy/config_dump/config_dump.hpp"
#include "proxy/discovery/resource_file.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace weir::config_dump::testing {

using discovery::ResourceType;
using envoy::admin::v3::ConfigDump;

inline constexpr const char* kBootstrap = R"(
node: { id: node-1, cluster: front, metadata: { app: shop } }
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 15000 } } }
static_resources:
  clusters:
  - name: fixed
    load_assignment:
      cluster_name: fixed
      endpoints:
      - lb_endpoints: [ { endpoint: { address: { socket_address: { address: 198.51.100.7, port_value: 80 } } } } ]
  listeners:
  - name: in
    address: { socket_address: { address: 198.51.100.1, port_value: 8080 } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            name: static-routes
            virtual_hosts: [ { name: v, domains: ["*"], routes: [ { match: { prefix: / }, route: { cluster: fixed } } ] } ]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
)";

class DumpTest : public ::testing::Test {
 protected:
  DumpTest() {
    config::Diagnostics diagnostics;
    config::BootstrapSource source;
    source.text = kBootstrap;
    auto loaded =
        config::load_snapshot(source, config::testing::test_registry(), nullptr, diagnostics);
    EXPECT_TRUE(loaded) << diagnostics.to_string(config::Severity::error);
    store.emplace(*std::move(loaded), config::testing::test_registry(), nullptr);
    take_over();
  }

  static std::string item(const std::string& type, const std::string& fields) {
    return "- { \"@type\": type.googleapis.com/envoy.config." + type + ", " + fields + " }\n";
  }
  static std::string cluster(const std::string& fields) {
    return item("cluster.v3.Cluster", fields);
  }
  static std::string listener(const std::string& name, int port, const std::string& more = "") {
    return item("listener.v3.Listener",
                "name: " + name +
                    ", address: { socket_address: { address: 198.51.100.1, port_value: " +
                    std::to_string(port) + " } }, filter_chains: [ { name: c } ]" + more);
  }
  void give(ResourceType type, const std::string& resources, const std::string& version) {
    const auto parsed = discovery::parse_resource_file(
        "f.yaml", "version_info: \"" + version + "\"\nresources:\n" + resources, type);
    ASSERT_TRUE(parsed) << parsed.error().message;
    store->update((*parsed)->update);
  }
  /// Everything in the store serves.
  void take_over() {
    active_listeners = store->snapshot()->listeners;
    active_clusters.clear();
    for (const auto& config : store->snapshot()->clusters) {
      active_clusters.emplace_back();
      active_clusters.back().config = config;
      active_clusters.back().added_via_api = config->origin != nullptr;
    }
  }

  admin::Response ask(const std::string& query) const {
    return dump_config(admin::parse_target("/config_dump" + query).params,
                       {*store, kStarted, active_listeners, draining_listeners, active_clusters});
  }
  ConfigDump dump(const std::string& query) const {
    const auto response = ask(query);
    EXPECT_EQ(response.status, 200u) << response.body;
    ConfigDump parsed;
    const auto status = google::protobuf::util::JsonStringToMessage(response.body, &parsed);
    EXPECT_TRUE(status.ok()) << status.ToString() << response.body;
    return parsed;
  }
  /// The only section of its type.
  template <class Section>
  Section section(const std::string& query = "") const {
    Section found;
    int count = 0;
    const ConfigDump shown = dump(query);
    for (const auto& any : shown.configs())
      if (any.Is<Section>() && any.UnpackTo(&found)) ++count;
    EXPECT_EQ(count, 1);
    return found;
  }

  static constexpr std::chrono::system_clock::time_point kStarted{
      std::chrono::milliseconds(1700000000123)};
  std::optional<discovery::ResourceStore> store;
  DumpInput::Listeners active_listeners;
  DumpInput::Listeners draining_listeners;
  std::vector<admin::ClusterView> active_clusters;
};

}  // namespace weir::config_dump::testing
