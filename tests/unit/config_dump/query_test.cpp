// SPDX-License-Identifier: Apache-2.0
// What may be asked of /config_dump, and how: the texts are those of Envoy.
#include <gmock/gmock.h>

#include "proxy/config_dump/message_json.hpp"
#include "tests/unit/config_dump/dump_fixture.hpp"

namespace weir::config_dump::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(DumpTest, OneListAndItsMask) {
  EXPECT_EQ(
      ask("?resource=static_clusters&mask=cluster.name").body,
      "{\n"
      " \"configs\": [\n"
      "  {\n"
      "   \"@type\": \"type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster\",\n"
      "   \"cluster\": {\n"
      "    \"@type\": \"type.googleapis.com/envoy.config.cluster.v3.Cluster\",\n"
      "    \"name\": \"fixed\"\n"
      "   }\n"
      "  }\n"
      " ]\n"
      "}\n");
  EXPECT_EQ(
      ask("?resource=static_clusters&mask=last_updated").body,
      "{\n"
      " \"configs\": [\n"
      "  {\n"
      "   \"@type\": \"type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster\",\n"
      "   \"last_updated\": \"2023-11-14T22:13:20.123Z\"\n"
      "  }\n"
      " ]\n"
      "}\n");
  EXPECT_THAT(ask("?resource=static_clusters&mask=cluster").body, HasSubstr("198.51.100.7"))
      << "the whole resource";
  EXPECT_EQ(dump("?resource=dynamic_listeners").configs_size(), 0);
}

TEST_F(DumpTest, OneMaskForEverySectionThatItFits) {
  EXPECT_EQ(ask("?mask=bootstrap.node.id").body,
            "{\n"
            " \"configs\": [\n"
            "  {\n"
            "   \"@type\": \"type.googleapis.com/envoy.admin.v3.BootstrapConfigDump\",\n"
            "   \"bootstrap\": {\n"
            "    \"node\": {\n"
            "     \"id\": \"node-1\"\n"
            "    }\n"
            "   }\n"
            "  }\n"
            " ]\n"
            "}\n");
  EXPECT_EQ(dump("?mask=version_info").configs_size(), 2);
}

TEST_F(DumpTest, OnlyTheNamesThatAreWanted) {
  give(ResourceType::cluster, cluster("name: outside") + cluster("name: other"), "1");
  give(ResourceType::listener, listener("out", 1) + listener("b", 2), "1");
  take_over();
  const auto shown = section<envoy::admin::v3::ClustersConfigDump>("?name_regex=out.*");
  EXPECT_EQ(shown.static_clusters_size(), 0);
  EXPECT_EQ(shown.dynamic_active_clusters_size(), 1);
  const auto listeners = section<envoy::admin::v3::ListenersConfigDump>("?name_regex=out.*");
  EXPECT_EQ(listeners.static_listeners_size(), 0);
  EXPECT_EQ(listeners.dynamic_listeners_size(), 1);
  EXPECT_EQ(dump("?resource=static_route_configs&name_regex=static.*").configs_size(), 1);
  EXPECT_EQ(dump("?resource=static_route_configs&name_regex=static").configs_size(), 0)
      << "the whole name has to match";
  EXPECT_EQ(dump("?resource=static_endpoint_configs&include_eds&name_regex=fi.*").configs_size(),
            1);
}

TEST_F(DumpTest, AnEmptyParameterIsNone) {
  EXPECT_EQ(ask("?resource=&mask=&name_regex=").body, ask("").body);
}

struct Wrong {
  const char* query;
  unsigned status;
  const char* text;
};
const Wrong kWrong[] = {
    {"?resource=bogus", 404, "bogus not found in config dump"},
    {"?resource=static_endpoint_configs", 404, "static_endpoint_configs not found in config dump"},
    {"?resource=version_info", 400,
     "version_info is not a repeated field. Use ?mask=version_info to get only this field"},
    {"?resource=bootstrap", 400,
     "bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field"},
    {"?mask=bogus", 400, "FieldMask bogus could not be successfully applied to any configs."},
    {"?mask=a,b.c", 400, "FieldMask a,b.c could not be successfully applied to any configs."},
    {"?resource=static_clusters&mask=bogus.x", 400,
     "FieldMask paths: \"bogus.x\"\n could not be successfully used."},
    {"?resource=static_clusters&mask=cluster.bogus", 400,
     "FieldMask paths: \"cluster.bogus\"\n could not be successfully used."},
    {"?name_regex=%5B", 400,
     "INVALID_ARGUMENT: Error while parsing name_regex from [: missing ]: ["},
};

TEST_F(DumpTest, WhatMeansNothing) {
  for (const auto& [query, status, text] : kWrong) {
    const auto response = ask(query);
    EXPECT_EQ(response.status, status) << query;
    EXPECT_EQ(response.body, text) << query;
    EXPECT_EQ(response.content_type, admin::kPlainText) << query;
  }
}

TEST(MessageJson, OfAnUnknownTypeOnlyTheTypeIsShown) {
  ConfigDump dump;
  auto& unknown = *dump.add_configs();
  unknown.set_type_url("type.googleapis.com/stats.PluginConfig");
  unknown.set_value("\x0a\x01x");
  envoy::admin::v3::ListenersConfigDump known;
  known.set_version_info("9");
  dump.add_configs()->PackFrom(known);
  const auto text = message_json(dump);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(*text, HasSubstr("\"@type\": \"type.googleapis.com/stats.PluginConfig\""));
  EXPECT_THAT(*text, HasSubstr("\"version_info\": \"9\""));
}

TEST_F(DumpTest, WithoutABootstrap) {
  store.emplace(std::make_shared<config::Snapshot>(), config::testing::test_registry(), nullptr);
  take_over();
  EXPECT_THAT(ask("?include_eds").body, Not(HasSubstr("EndpointsConfigDump")))
      << "as in Envoy: no clusters, no section";
}

}  // namespace
}  // namespace weir::config_dump::testing
