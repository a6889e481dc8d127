// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/bootstrap.hpp"

#include <gtest/gtest.h>

#include "tests/unit/config/test_filters.hpp"

namespace weir::config {
namespace {

const std::string kOutbound = R"(admin:
  address:
    socket_address: { address: 127.0.0.1, port_value: 15000 }
static_resources:
  listeners:
    - name: virtualOutbound
      address:
        socket_address: { address: 0.0.0.0, port_value: 15001 }
      useOriginalDst: true
      trafficDirection: OUTBOUND
      filter_chains:
        - filters:
            - name: envoy.filters.network.tcp_proxy
              typedConfig:
                '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                cluster: Backend
                statPrefix: Backend
                access_log:
                  name: log
                  typed_config:
                    '@type': type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                    path: /dev/stdout
                    log_format:
                      json_format:
                        upstream: "%UPSTREAM_HOST%"
  clusters:
    - name: Backend
      connect_timeout: 0.25s
      type: Static
      load_assignment:
        cluster_name: other
        endpoints:
          - lb_endpoints:
              - endpoint:
                  address:
                    socket_address: { address: 198.51.100.7, port_value: 80 }
)";

TEST(Bootstrap, ReadsOneListenerAndOneCluster) {
  Diagnostics diagnostics;
  BootstrapSource source;
  source.text = kOutbound;
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  ASSERT_TRUE(snapshot) << diagnostics.to_string(Severity::error);
  ASSERT_EQ((*snapshot)->listeners.size(), 1u);
  const ListenerConfig& listener = *(*snapshot)->listeners[0];
  EXPECT_EQ(listener.name, "virtualOutbound");
  EXPECT_EQ(listener.addresses.at(0).address.to_string(), "0.0.0.0:15001");
  EXPECT_TRUE(listener.use_original_dst);
  EXPECT_EQ(listener.listener_filters.at(0).filter->name(), "envoy.filters.listener.original_dst");
  EXPECT_EQ(listener.filter_chains.at(0).filters.at(0)->to_string(), "tcp_proxy Backend*1");
  ASSERT_EQ((*snapshot)->clusters.size(), 1u);
  EXPECT_EQ((*snapshot)->clusters[0]->connect_timeout.count(), 250);
  EXPECT_EQ((*snapshot)->clusters[0]->endpoints.at(0).host, "198.51.100.7");
  EXPECT_EQ((*snapshot)->find_cluster("Backend"), 0u);
  EXPECT_EQ(diagnostics.to_string(Severity::warning),
            "built-in configuration:19:19: "
            "static_resources.listeners[0].filter_chains[0].filters[0].typed_config."
            "access_log: one value where a list belongs; write it as a list\n"
            "built-in configuration:29:13: static_resources.clusters[0].type: 'Static': read as "
            "STATIC; write it so");
}

}  // namespace
}  // namespace weir::config
