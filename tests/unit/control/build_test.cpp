// SPDX-License-Identifier: Apache-2.0
// What depends on the mesh's policy and on who asks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/node.hpp"
#include "envoy/config/core/v3/base.pb.h"
#include "tests/unit/control/control_text.hpp"

namespace weir::control {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ResourceSet build(const std::string& text, const NodeIdentity& node = {}) {
  config::Diagnostics diagnostics;
  ResourceSet set = build_resources(node, testing::registry_of(text, diagnostics));
  EXPECT_EQ(diagnostics.to_string(config::Severity::error), "");
  return set;
}

std::string content(const ResourceSet& set, ResourceType type, const std::string& name) {
  const auto found = set.of(type).find(name);
  return found == set.of(type).end() ? "(none)" : found->second->content;
}

constexpr const char* kEntry =
    "\n---\nkind: ServiceEntry\nmetadata: {name: a}\nspec:\n  hosts: [a.example.com]\n"
    "  ports: [{number: 80, protocol: HTTP}]\n  resolution: DNS\n";

TEST(BuildResources, AnEmptyRegistryIsEmpty) {
  EXPECT_EQ(testing::describe(build_resources({}, Registry{})), "");
}

TEST(BuildResources, RegistryOnlyBlocksWhatNobodyNamed) {
  const std::string only = "meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}";
  const ResourceSet blocked = build(only);
  EXPECT_THAT(content(blocked, ResourceType::route, "80"), HasSubstr("block_all"));
  EXPECT_THAT(content(blocked, ResourceType::listener, "virtualOutbound"),
              Not(HasSubstr("PassthroughCluster")));
  const ResourceSet opened = build(only + kEntry);
  EXPECT_THAT(content(opened, ResourceType::route, "80"), HasSubstr("a.example.com:80"));
  EXPECT_THAT(content(opened, ResourceType::route, "80"), HasSubstr("block_all"));
  EXPECT_NE(content(opened, ResourceType::cluster, "outbound|80||a.example.com"), "(none)");
  // Nothing but the table and the cluster: no listener changes.
  EXPECT_EQ(version_of(opened.of(ResourceType::listener)),
            version_of(blocked.of(ResourceType::listener)));
}

TEST(BuildResources, AllowAnyLetsItPass) {
  const ResourceSet set = build("meshConfig: {}");
  EXPECT_THAT(content(set, ResourceType::route, "80"), HasSubstr("allow_any"));
  EXPECT_THAT(content(set, ResourceType::listener, "virtualOutbound"),
              HasSubstr("PassthroughCluster"));
}

TEST(BuildResources, AResourceOfTheSameNameCountsMore) {
  const ResourceSet set = build(std::string("'@type': type.googleapis.com/envoy.config.route.v3."
                                            "RouteConfiguration\nname: '80'\n") +
                                kEntry);
  EXPECT_THAT(content(set, ResourceType::route, "80"), Not(HasSubstr("a.example.com")));
}

TEST(BuildResources, EqualTextsHaveEqualVersions) {
  const ResourceSet one = build(kEntry), two = build(std::string("# a remark") + kEntry);
  for (const ResourceType type : kResourceTypes)
    EXPECT_EQ(version_of(one.of(type)), version_of(two.of(type)));
}

TEST(NodeIdentity, ComesFromIdAndMetadata) {
  envoy::config::core::v3::Node node;
  node.set_id("sidecar~203.0.113.9~pod-1.shop~shop.svc.cluster.local");
  EXPECT_EQ(node_from_proto(node).address, "203.0.113.9");
  EXPECT_EQ(node_from_proto(node).name_space, "shop");
  auto& fields = *node.mutable_metadata()->mutable_fields();
  fields["NAMESPACE"].set_string_value("other");
  fields["INSTANCE_IPS"].set_string_value("203.0.113.10,2001:db8::1");
  EXPECT_EQ(node_from_proto(node).address, "203.0.113.10");
  EXPECT_EQ(node_from_proto(node).name_space, "other");
  node.Clear();
  for (const char* id : {"", "test1", "a~b~c", "a~b~c~d", "~~~", "a~203.0.113.9~b.~d~e"}) {
    node.set_id(id);
    EXPECT_EQ(node_from_proto(node), (NodeIdentity{.id = id})) << id;
  }
}

}  // namespace
}  // namespace weir::control
