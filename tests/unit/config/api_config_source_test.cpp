// SPDX-License-Identifier: Apache-2.0
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "envoy/config/core/v3/config_source.pb.h"
#include "proxy/config/api_config_source_from_proto.hpp"

namespace weir::config {
namespace {

using Proto = envoy::config::core::v3::ApiConfigSource;
namespace core = envoy::config::core::v3;

Proto good() {
  Proto proto;
  proto.set_api_type(Proto::GRPC);
  proto.set_transport_api_version(core::V3);
  proto.add_grpc_services()->mutable_envoy_grpc()->set_cluster_name("xds");
  return proto;
}

struct Read {
  std::optional<ApiConfigSource> source;
  Diagnostics diagnostics;
};

Read read(const Proto& proto) {
  Read result;
  const SourceMap sources;
  const ParseContext root(result.diagnostics, sources);
  result.source = api_config_source_from_proto(proto, root);
  return result;
}

/// What is said about good() after `change`; nothing else may be wrong with it.
std::string complaint(const std::function<void(Proto&)>& change) {
  Proto proto = good();
  change(proto);
  const auto result = read(proto);
  std::string text;
  for (const auto& one : result.diagnostics.all())
    text += std::string(one.severity == Severity::error ? "" : "warning: ") + one.path + ": " +
            one.text;
  return text;
}

TEST(ApiConfigSourceTest, OnlyTheClusterIsNeeded) {
  const auto result = read(good());
  EXPECT_TRUE(result.diagnostics.all().empty());
  ApiConfigSource expected;
  expected.cluster = "xds";
  EXPECT_EQ(result.source, expected);
}

TEST(ApiConfigSourceTest, EverythingIsRead) {
  Proto proto = good();
  proto.set_api_type(Proto::AGGREGATED_DELTA_GRPC);
  proto.set_set_node_on_first_message_only(true);
  proto.mutable_rate_limit_settings()->mutable_fill_rate()->set_value(0.5);
  auto& service = *proto.mutable_grpc_services(0);
  service.mutable_envoy_grpc()->set_authority("istiod");
  service.mutable_envoy_grpc()->mutable_max_receive_message_length()->set_value(1000);
  auto& backoff = *service.mutable_envoy_grpc()->mutable_retry_policy()->mutable_retry_back_off();
  backoff.mutable_base_interval()->set_seconds(1);
  backoff.mutable_max_interval()->set_seconds(30);
  auto& header = *service.add_initial_metadata();
  header.set_key("X-Team");
  header.set_value("mesh");
  const auto result = read(proto);
  EXPECT_TRUE(result.diagnostics.all().empty());
  ApiConfigSource expected;
  expected.delta = true;
  expected.cluster = "xds";
  expected.authority = "istiod";
  expected.metadata = {{"x-team", "mesh"}};
  expected.max_message = 1000;
  expected.backoff = {std::chrono::seconds(1), std::chrono::seconds(30)};
  expected.node_on_first_message_only = true;
  expected.rate_limit = RequestRateLimit{100, 0.5};
  EXPECT_EQ(result.source, expected);
}

TEST(ApiConfigSourceTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(complaint([](Proto& proto) { proto.set_api_type(Proto::REST); }),
            "api_type: must be GRPC or DELTA_GRPC: others are not supported");
  EXPECT_EQ(complaint([](Proto& proto) { proto.clear_api_type(); }),
            "api_type: must be GRPC or DELTA_GRPC: others are not supported");
  EXPECT_EQ(complaint([](Proto& proto) { proto.set_transport_api_version(core::V2); }),
            "transport_api_version: must be V3: version 2 of the API is not supported");
  EXPECT_EQ(complaint([](Proto& proto) { proto.clear_transport_api_version(); }),
            "warning: transport_api_version: is taken to be V3: write that");
  EXPECT_EQ(complaint([](Proto& proto) { proto.add_cluster_names("xds"); }),
            "cluster_names: belongs to REST: name the cluster in grpc_services");
  EXPECT_EQ(complaint([](Proto& proto) { proto.clear_grpc_services(); }),
            ": must have one of grpc_services, has 0");
  EXPECT_EQ(complaint([](Proto& proto) { proto.add_grpc_services(); }),
            ": must have one of grpc_services, has 2");
  EXPECT_EQ(complaint([](Proto& proto) { proto.mutable_grpc_services(0)->clear_envoy_grpc(); }),
            "grpc_services[0]: names no cluster: expected envoy_grpc with cluster_name");
}

TEST(ApiConfigSourceTest, WaitsBetweenAttempts) {
  const auto read_milliseconds = [](int base, int most) {
    Proto proto = good();
    auto& backoff = *proto.mutable_grpc_services(0)
                         ->mutable_envoy_grpc()
                         ->mutable_retry_policy()
                         ->mutable_retry_back_off();
    if (base >= 0) backoff.mutable_base_interval()->set_nanos(base * 1'000'000);
    if (most >= 0) backoff.mutable_max_interval()->set_nanos(most * 1'000'000);
    return read(proto);
  };
  const auto alone = read_milliseconds(50, -1);
  EXPECT_TRUE(alone.diagnostics.all().empty());
  EXPECT_EQ(alone.source->backoff.most, std::chrono::milliseconds(500));
  const auto text = [&](int base, int most) {
    return read_milliseconds(base, most).diagnostics.to_string(Severity::error);
  };
  EXPECT_NE(text(-1, 100).find("retry_policy.retry_back_off: has no base_interval"),
            std::string::npos);
  EXPECT_NE(text(100, 50).find("max_interval must not be less than base_interval"),
            std::string::npos);
  EXPECT_NE(text(0, 50).find("retry_back_off.base_interval"), std::string::npos);
}

TEST(ApiConfigSourceTest, LimitsHaveLimits) {
  const auto rate = [](double value) {
    return complaint([&](Proto& proto) {
      proto.mutable_rate_limit_settings()->mutable_fill_rate()->set_value(value);
    });
  };
  const std::string too_slow = "rate_limit_settings.fill_rate: must be greater than 0";
  EXPECT_EQ(rate(0), too_slow);
  EXPECT_EQ(rate(-1), too_slow);
  EXPECT_EQ(rate(std::numeric_limits<double>::quiet_NaN()), too_slow);
  EXPECT_EQ(rate(0.01), "");
  EXPECT_EQ(complaint([](Proto& proto) {
              proto.mutable_rate_limit_settings()->mutable_max_tokens()->set_value(0);
            }),
            "rate_limit_settings.max_tokens: must be greater than 0");
  EXPECT_EQ(
      complaint([](Proto& proto) {
        proto.mutable_grpc_services(0)->mutable_envoy_grpc()->mutable_max_receive_message_length();
      }),
      "grpc_services[0].envoy_grpc.max_receive_message_length: must be greater than 0");
}

TEST(ApiConfigSourceTest, MetadataAreHeaders) {
  const auto header = [](const std::string& key, const std::string& value) {
    return complaint([&](Proto& proto) {
      auto& added = *proto.mutable_grpc_services(0)->add_initial_metadata();
      added.set_key(key);
      added.set_value(value);
    });
  };
  EXPECT_EQ(header(":path", "x"),
            "grpc_services[0].initial_metadata[0].key: ':path': no name of a header");
  EXPECT_EQ(header("", "x"), "grpc_services[0].initial_metadata[0].key: '': no name of a header");
  EXPECT_EQ(header("a", "x\r\ny"),
            "grpc_services[0].initial_metadata[0].value: holds a line break or a zero byte");
  EXPECT_EQ(complaint([](Proto& proto) {
              proto.mutable_grpc_services(0)->mutable_envoy_grpc()->set_authority("a\nb");
            }),
            "grpc_services[0].envoy_grpc.authority: holds a line break");
}

}  // namespace
}  // namespace weir::config
