// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/default_config.hpp"

#include <gtest/gtest.h>

#include "common/ports.hpp"
#include "proxy/config/bootstrap.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace weir::config {
namespace {

std::shared_ptr<const Snapshot> load(const DefaultConfigInput& input) {
  Diagnostics diagnostics;
  BootstrapSource source;
  source.text = default_config(input);
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  EXPECT_TRUE(snapshot) << diagnostics.to_string(Severity::error);
  EXPECT_EQ(diagnostics.to_string(Severity::warning), "");
  return snapshot ? *snapshot : nullptr;
}

const ClusterConfig& cluster_of(const Snapshot& snapshot, const FilterChainConfig& chain) {
  const auto names = chain.filters.at(0)->cluster_names();
  return *snapshot.clusters.at(snapshot.find_cluster(names.at(0)).value());
}

TEST(DefaultConfig, PassesOutboundThrough) {
  const auto snapshot = load({OutboundMode::allow_any, true});
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot->listeners.size(), 2u);
  const ListenerConfig& outbound = *snapshot->listeners[0];
  EXPECT_EQ(outbound.addresses.at(0).address.endpoint.port, kOutboundPort);
  EXPECT_TRUE(outbound.addresses.at(0).address.endpoint.address.is_any());
  EXPECT_TRUE(outbound.addresses.at(0).ipv4_compat);
  EXPECT_TRUE(outbound.use_original_dst);
  EXPECT_EQ(outbound.direction, TrafficDirection::outbound);
  EXPECT_EQ(outbound.filter_chains.at(0).match.destination_port, kOutboundPort);
  EXPECT_EQ(cluster_of(*snapshot, outbound.filter_chains.at(0)).name, "BlackHoleCluster");
  EXPECT_EQ(outbound.filter_chains.at(1).match, FilterChainMatchConfig{});
  EXPECT_EQ(cluster_of(*snapshot, outbound.filter_chains.at(1)).name, "PassthroughCluster");
  EXPECT_EQ(cluster_of(*snapshot, outbound.filter_chains.at(1)).discovery,
            DiscoveryType::original_dst);
}

TEST(DefaultConfig, DropsUnknownOutboundWhenToldSo) {
  const auto snapshot = load({OutboundMode::registry_only, true});
  ASSERT_TRUE(snapshot);
  const ClusterConfig& target =
      cluster_of(*snapshot, snapshot->listeners.at(0)->filter_chains.at(1));
  EXPECT_EQ(target.name, "BlackHoleCluster");
  EXPECT_TRUE(target.endpoints.empty());
}

TEST(DefaultConfig, PassesInboundFromTheMagicAddresses) {
  const auto snapshot = load({OutboundMode::allow_any, true});
  ASSERT_TRUE(snapshot);
  const ListenerConfig& inbound = *snapshot->listeners.at(1);
  EXPECT_EQ(inbound.addresses.at(0).address.endpoint.port, kInboundPort);
  EXPECT_FALSE(inbound.use_original_dst);
  ASSERT_EQ(inbound.listener_filters.size(), 1u);
  EXPECT_EQ(inbound.listener_filters[0].filter->name(), "envoy.filters.listener.original_dst");
  ASSERT_EQ(inbound.filter_chains.size(), 3u);
  EXPECT_EQ(inbound.filter_chains[0].match.destination_port, kInboundPort);
  EXPECT_EQ(cluster_of(*snapshot, inbound.filter_chains[0]).name, "BlackHoleCluster");
  EXPECT_EQ(inbound.filter_chains[1].match.prefix_ranges.at(0).to_string(), "0.0.0.0/0");
  EXPECT_EQ(cluster_of(*snapshot, inbound.filter_chains[1]).bind_source->address.to_string(),
            kPassthroughSourceV4);
  EXPECT_EQ(inbound.filter_chains[2].match.prefix_ranges.at(0).to_string(), "::/0");
  EXPECT_EQ(cluster_of(*snapshot, inbound.filter_chains[2]).bind_source->address.to_string(),
            kPassthroughSourceV6);
}

TEST(DefaultConfig, RedirectedConnectionsNeedNoTransparentSockets) {
  const auto snapshot = load({});
  ASSERT_TRUE(snapshot);
  for (const auto& listener : snapshot->listeners) EXPECT_FALSE(listener->transparent);
}

TEST(DefaultConfig, TproxyKeepsTheClientsAddressInbound) {
  const auto snapshot = load({OutboundMode::allow_any, true, InboundMode::tproxy, 4242});
  ASSERT_TRUE(snapshot);
  EXPECT_FALSE(snapshot->listeners.at(0)->transparent);  // outbound connections stay redirected
  EXPECT_EQ(snapshot->listeners.at(0)->listener_filters.size(), 1u);
  const ListenerConfig& inbound = *snapshot->listeners.at(1);
  EXPECT_TRUE(inbound.transparent);
  ASSERT_EQ(inbound.listener_filters.size(), 2u);
  EXPECT_EQ(inbound.listener_filters[0].filter->name(), "envoy.filters.listener.original_dst");
  EXPECT_EQ(inbound.listener_filters[1].filter->name(),
            "envoy.filters.listener.original_src mark=4242");
  for (const auto& chain : inbound.filter_chains)
    EXPECT_FALSE(cluster_of(*snapshot, chain).bind_source.has_value());
  EXPECT_EQ(cluster_of(*snapshot, inbound.filter_chains.at(1)).discovery,
            DiscoveryType::original_dst);
}

TEST(DefaultConfig, WithoutIpv6ItListensOnIpv4) {
  const auto snapshot = load({OutboundMode::allow_any, false});
  ASSERT_TRUE(snapshot);
  for (const auto& listener : snapshot->listeners) {
    EXPECT_TRUE(listener->addresses.at(0).address.endpoint.address.is_v4());
    EXPECT_FALSE(listener->addresses.at(0).ipv4_compat);
  }
}

TEST(DefaultConfig, AdminIsForThisMachineOnly) {
  const auto snapshot = load({});
  ASSERT_TRUE(snapshot && snapshot->admin.address);
  EXPECT_TRUE(snapshot->admin.address->endpoint.address.is_loopback());
  EXPECT_EQ(snapshot->admin.address->endpoint.port, kAdminPort);
}

}  // namespace
}  // namespace weir::config
