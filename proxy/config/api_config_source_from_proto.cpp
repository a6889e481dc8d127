// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/api_config_source_from_proto.hpp"

#include <algorithm>

#include "envoy/config/core/v3/config_source.pb.h"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

namespace core = envoy::config::core::v3;

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\0' || c == '\r' || c == '\n'; });
}

void read_api_type(const core::ApiConfigSource& proto, const ParseContext& context,
                   ApiConfigSource& source) {
  using Proto = core::ApiConfigSource;
  const auto type = proto.api_type();
  if (type == Proto::GRPC || type == Proto::AGGREGATED_GRPC) return;
  source.delta = type == Proto::DELTA_GRPC || type == Proto::AGGREGATED_DELTA_GRPC;
  if (!source.delta)
    context.field("api_type").error("must be GRPC or DELTA_GRPC: others are not supported");
}

void read_version(const core::ApiConfigSource& proto, const ParseContext& context) {
  const auto field = context.field("transport_api_version");
  if (proto.transport_api_version() == core::V2)
    field.error("must be V3: version 2 of the API is not supported");
  else if (proto.transport_api_version() == core::AUTO)
    field.warning("is taken to be V3: write that");
}

void read_metadata(const core::GrpcService& proto, const ParseContext& context,
                   ApiConfigSource& source) {
  for (int i = 0; i < proto.initial_metadata_size(); ++i) {
    const auto& header = proto.initial_metadata(i);
    const auto at = context.item("initial_metadata", i);
    const std::string& value = header.value().empty() ? header.raw_value() : header.value();
    if (!is_header_name(header.key()))
      at.field("key").error("'" + header.key() + "': no name of a header");
    else if (!is_header_value(value))
      at.field("value").error("holds a line break or a zero byte");
    else
      source.metadata.emplace_back(lower_case(header.key()), value);
  }
}

void read_backoff(const core::RetryPolicy& proto, const ParseContext& context,
                  RetryBackoff& backoff) {
  if (!proto.has_retry_back_off()) return;
  const auto& given = proto.retry_back_off();
  const auto at = context.field("retry_back_off");
  if (!given.has_base_interval()) at.error("has no base_interval");
  read_period(given.has_base_interval(), given.base_interval(), at.field("base_interval"),
              backoff.base);
  backoff.most = backoff.base * 10;
  read_period(given.has_max_interval(), given.max_interval(), at.field("max_interval"),
              backoff.most);
  if (backoff.most < backoff.base) at.error("max_interval must not be less than base_interval");
}

bool read_service(const core::ApiConfigSource& proto, const ParseContext& context,
                  ApiConfigSource& source) {
  if (proto.cluster_names_size() > 0)
    context.field("cluster_names").error("belongs to REST: name the cluster in grpc_services");
  if (proto.grpc_services_size() != 1) {
    context.error("must have one of grpc_services, has " +
                  std::to_string(proto.grpc_services_size()));
    return false;
  }
  const auto& service = proto.grpc_services(0);
  const auto at = context.item("grpc_services", 0);
  source.cluster = service.envoy_grpc().cluster_name();
  if (source.cluster.empty()) {
    at.error("names no cluster: expected envoy_grpc with cluster_name");
    return false;
  }
  source.authority = service.envoy_grpc().authority();
  const auto grpc = at.field("envoy_grpc");
  if (!is_header_value(source.authority)) grpc.field("authority").error("holds a line break");
  if (service.envoy_grpc().has_max_receive_message_length()) {
    source.max_message = service.envoy_grpc().max_receive_message_length().value();
    if (source.max_message == 0)
      grpc.field("max_receive_message_length").error("must be greater than 0");
  }
  read_backoff(service.envoy_grpc().retry_policy(), grpc.field("retry_policy"), source.backoff);
  read_metadata(service, at, source);
  return true;
}

void read_rate_limit(const core::RateLimitSettings& proto, const ParseContext& context,
                     ApiConfigSource& source) {
  auto& limit = source.rate_limit.emplace();
  if (proto.has_max_tokens()) limit.max_tokens = proto.max_tokens().value();
  if (proto.has_fill_rate()) limit.tokens_per_second = proto.fill_rate().value();
  if (limit.max_tokens == 0) context.field("max_tokens").error("must be greater than 0");
  // Not a number is not greater either. A slower rate would be one request in months.
  constexpr double kSlowest = 1e-6;
  if (!(limit.tokens_per_second >= kSlowest))
    context.field("fill_rate").error("must be greater than 0");
}

}  // namespace

std::optional<ApiConfigSource> api_config_source_from_proto(const core::ApiConfigSource& proto,
                                                            const ParseContext& context) {
  ApiConfigSource source;
  read_api_type(proto, context, source);
  read_version(proto, context);
  if (!read_service(proto, context, source)) return std::nullopt;
  source.node_on_first_message_only = proto.set_node_on_first_message_only();
  if (proto.has_rate_limit_settings())
    read_rate_limit(proto.rate_limit_settings(), context.field("rate_limit_settings"), source);
  return source;
}

}  // namespace weir::config
