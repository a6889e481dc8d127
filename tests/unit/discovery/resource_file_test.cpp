// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/resource_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::discovery {
namespace {

using ::testing::HasSubstr;

constexpr const char* kCluster =
    "- { \"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: ";

std::string cluster(const std::string& name, const std::string& fields = "") {
  return kCluster + name + fields + " }\n";
}

TEST(ResourceFile, TakesYamlAndJson) {
  for (const std::string& text : {"version_info: v7\nresources:\n" + cluster("a"),
                                  std::string(R"({"versionInfo": "v7", "resources": [{"@type":
          "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a"}]})")}) {
    const auto parsed = parse_resource_file("f", text, ResourceType::cluster);
    ASSERT_TRUE(parsed) << parsed.error().message;
    const Update& update = (*parsed)->update;
    EXPECT_EQ(update.version, "v7");
    EXPECT_TRUE(update.full_state);
    ASSERT_EQ(update.changed.size(), 1u);
    EXPECT_EQ(update.changed[0].path, "resources[0]");
    EXPECT_EQ(update.changed[0].body.type_url(), type_url(ResourceType::cluster));
  }
}

TEST(ResourceFile, WithoutAVersionTheContentIsTheVersion) {
  const auto version = [](const std::string& text) {
    return (*parse_resource_file("f", text, ResourceType::cluster))->update.version;
  };
  EXPECT_EQ(version("resources:\n" + cluster("a")), version("resources:\n" + cluster("a")));
  EXPECT_NE(version("resources:\n" + cluster("a")), version("resources:\n" + cluster("b")));
}

TEST(ResourceFile, UnwrapsAResource) {
  const auto parsed = parse_resource_file(
      "f",
      "resources:\n- \"@type\": type.googleapis.com/envoy.service.discovery.v3.Resource\n"
      "  name: given\n  version: v3\n  resource: { \"@type\": "
      "type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a }\n",
      ResourceType::cluster);
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Resource& resource = (*parsed)->update.changed.at(0);
  EXPECT_EQ(resource.name, "given");
  EXPECT_EQ(resource.version, "v3");
  EXPECT_EQ(resource.path, "resources[0].resource");
  EXPECT_EQ(resource.body.type_url(), type_url(ResourceType::cluster));
}

TEST(ResourceFile, AResourceThatCannotBeReadLeavesTheOthers) {
  const auto parsed = parse_resource_file(
      "cds.yaml", "resources:\n" + cluster("a", ", connect_timeout: 1") + cluster("b"),
      ResourceType::cluster);
  ASSERT_TRUE(parsed);
  const Update& update = (*parsed)->update;
  ASSERT_EQ(update.changed.size(), 1u);
  EXPECT_EQ(update.changed[0].path, "resources[1]");
  ASSERT_EQ(update.rejected.size(), 1u);
  EXPECT_EQ(update.rejected[0].name, "a");
  EXPECT_THAT(update.rejected[0].text, HasSubstr("cds.yaml:2:"));
  EXPECT_THAT(update.rejected[0].text, HasSubstr("resources[0].connect_timeout"));
}

TEST(ResourceFile, WhatIsWrongAroundThemRefusesAll) {
  for (const char* text : {"", "resources: [", "[]", "resourcez: []", "version_info: {}"})
    EXPECT_FALSE(parse_resource_file("f", text, ResourceType::cluster)) << text;
}

}  // namespace
}  // namespace weir::discovery
