// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/bootstrap.hpp"

#include <gtest/gtest.h>

#include "tests/unit/config/test_filters.hpp"

namespace weir::config {
namespace {

const std::string kData = WEIR_CONFIG_DATA;

TEST(Bootstrap, MergesTextOverTheFile) {
  BootstrapSource source;
  source.path = kData + "/inbound.yaml";
  source.yaml =
      "node: {id: merged}\n"
      "admin: {address: {socket_address: {port_value: 7000}}}\n"
      "static_resources: {clusters: [{name: added, connect_timeout: 2s}]}\n";
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  ASSERT_TRUE(snapshot) << diagnostics.to_string(Severity::error);
  EXPECT_EQ((*snapshot)->node.id, "merged");
  EXPECT_EQ((*snapshot)->node.cluster, "mynode");
  EXPECT_EQ((*snapshot)->admin.address->to_string(), "0.0.0.0:7000");
  ASSERT_EQ((*snapshot)->clusters.size(), 2u);
  EXPECT_EQ((*snapshot)->clusters[1]->name, "added");
}

TEST(Bootstrap, NamesTheDocumentOfAMergedProblem) {
  BootstrapSource source;
  source.path = kData + "/inbound.yaml";
  source.yaml = "static_resources:\n  clusters: [{name: ok}, {name: added, connect_timeout: 0s}]\n";
  Diagnostics diagnostics;
  EXPECT_FALSE(load_snapshot(source, testing::test_registry(), nullptr, diagnostics));
  EXPECT_EQ(
      diagnostics.to_string(Severity::error),
      "--config-yaml:2:40: static_resources.clusters[2].connect_timeout: must be greater than 0s");
}

TEST(Bootstrap, FlagsReplaceTheNode) {
  BootstrapSource source;
  source.path = kData + "/inbound.yaml";
  source.service_node = "sidecar~1";
  source.service_cluster = "shop";
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->node.id, "sidecar~1");
  EXPECT_EQ((*snapshot)->node.cluster, "shop");
}

TEST(Bootstrap, SaysWhenTheFileCannotBeRead) {
  BootstrapSource source;
  source.path = "/nonexistent/envoy.yaml";
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().message, "file '/nonexistent/envoy.yaml': No such file or directory");
}

TEST(Bootstrap, SumsUpErrors) {
  BootstrapSource source;
  source.text = "a: 1\nb: 2";
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().message, "configuration refused: 2 errors");
}

TEST(Bootstrap, UnknownFieldsMayBeAllowed) {
  BootstrapSource source;
  source.text = "watchdogs: {}\nnode: {id: x}";
  source.dialect = Dialect::lenient;
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, testing::test_registry(), nullptr, diagnostics);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->node.id, "x");
  EXPECT_EQ(diagnostics.warning_count(), 1u);
}

TEST(Bootstrap, CommandLineChoosesTheSource) {
  ProxyOptions options;
  EXPECT_NE(bootstrap_source(options).text.find("PassthroughCluster"), std::string::npos);
  options.config_yaml = "{}";
  EXPECT_EQ(bootstrap_source(options).text, "");
  options.allow_unknown_static_fields = true;
  EXPECT_EQ(bootstrap_source(options).dialect, Dialect::lenient);
}

}  // namespace
}  // namespace weir::config
