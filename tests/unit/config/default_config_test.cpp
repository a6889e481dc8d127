// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/default_config.hpp"

#include <gtest/gtest.h>

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

TEST(DefaultConfig, PassesOutboundThrough) {
  const auto snapshot = load({OutboundMode::allow_any, true});
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot->listeners.size(), 2u);
  const ListenerConfig& outbound = *snapshot->listeners[0];
  EXPECT_EQ(outbound.addresses.at(0).address.to_string(), "[::]:15001");
  EXPECT_TRUE(outbound.addresses.at(0).ipv4_compat);
  EXPECT_TRUE(outbound.use_original_dst);
  EXPECT_EQ(outbound.filter_chains.at(0).filters.at(0)->to_string(),
            "tcp_proxy BlackHoleCluster*1");
  EXPECT_EQ(outbound.filter_chains.at(1).filters.at(0)->to_string(),
            "tcp_proxy PassthroughCluster*1");
}

}  // namespace
}  // namespace weir::config
