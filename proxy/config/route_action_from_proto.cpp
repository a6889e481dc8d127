// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/route_action_from_proto.hpp"

#include <algorithm>

#include "envoy/config/route/v3/route_components.pb.h"
#include "proxy/config/data_source.hpp"
#include "proxy/config/header_mutations_from_proto.hpp"
#include "proxy/config/matchers_from_proto.hpp"
#include "proxy/config/proto_values.hpp"
#include "proxy/config/retry_policy_from_proto.hpp"
#include "proxy/config/weighted_clusters_from_proto.hpp"

namespace weir::config {
namespace {

using envoy::config::route::v3::DirectResponseAction;
using envoy::config::route::v3::RouteAction;
using Redirect = envoy::config::route::v3::RedirectAction;

/// The warning for fields that are read and do nothing.
void remark(bool given, const ParseContext& context, std::string_view field,
            std::string_view text) {
  if (given) context.field(field).warning(std::string(text));
}

void read_cluster(const RouteAction& proto, const FilterRegistry& registry,
                  const ParseContext& context, route::ForwardAction& action) {
  switch (proto.cluster_specifier_case()) {
    case RouteAction::kCluster:
      action.cluster = proto.cluster();
      if (action.cluster.empty()) context.field("cluster").error("cluster name is empty");
      return;
    case RouteAction::kClusterHeader:
      action.cluster_header = lower_case(proto.cluster_header());
      if (!is_header_name(action.cluster_header))
        context.field("cluster_header")
            .error("'" + proto.cluster_header() + "': not a header name");
      return;
    case RouteAction::kWeightedClusters:
      return read_weighted_clusters(proto.weighted_clusters(), registry,
                                    context.field("weighted_clusters"), action);
    case RouteAction::CLUSTER_SPECIFIER_NOT_SET:
      break;
  }
  context.error("names no cluster: expected cluster, cluster_header or weighted_clusters");
}

std::uint16_t status_from_proto(RouteAction::ClusterNotFoundResponseCode proto) {
  switch (proto) {
    case RouteAction::NOT_FOUND:
      return 404;
    case RouteAction::INTERNAL_SERVER_ERROR:
      return 500;
    default:
      return 503;
  }
}

void read_rewrites(const RouteAction& proto, const ParseContext& context,
                   route::ForwardAction& action) {
  action.rewrite.prefix = proto.prefix_rewrite();
  if (proto.has_regex_rewrite())
    action.rewrite.regex =
        regex_rewrite_from_proto(proto.regex_rewrite(), context.field("regex_rewrite"));
  if (action.rewrite.regex && !action.rewrite.prefix.empty())
    context.error("Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy");
  action.host_rewrite = proto.host_rewrite_literal();
  action.auto_host_rewrite = proto.auto_host_rewrite().value();
  action.host_rewrite_header = lower_case(proto.host_rewrite_header());
  if (proto.has_host_rewrite_path_regex())
    action.host_rewrite_path_regex = regex_rewrite_from_proto(
        proto.host_rewrite_path_regex(), context.field("host_rewrite_path_regex"));
  action.append_x_forwarded_host = proto.append_x_forwarded_host();
}

void read_timeouts(const RouteAction& proto, const ParseContext& context,
                   route::ForwardAction& action) {
  const auto read = [](bool given, const google::protobuf::Duration& duration,
                       const ParseContext& at, std::optional<std::chrono::milliseconds>& out) {
    if (given) out = duration_from_proto(duration, at);
  };
  read(proto.has_timeout(), proto.timeout(), context.field("timeout"), action.timeout);
  read(proto.has_idle_timeout(), proto.idle_timeout(), context.field("idle_timeout"),
       action.idle_timeout);
  read(proto.has_max_grpc_timeout(), proto.max_grpc_timeout(), context.field("max_grpc_timeout"),
       action.max_grpc_timeout);
  const auto& most = proto.max_stream_duration();
  const ParseContext inside = context.field("max_stream_duration");
  read(most.has_max_stream_duration(), most.max_stream_duration(),
       inside.field("max_stream_duration"), action.max_stream_duration);
  read(most.has_grpc_timeout_header_max(), most.grpc_timeout_header_max(),
       inside.field("grpc_timeout_header_max"), action.grpc_timeout_header_max);
}

void read_upgrades(const RouteAction& proto, const ParseContext& context,
                   route::ForwardAction& action) {
  for (int i = 0; i < proto.upgrade_configs_size(); ++i) {
    const ParseContext item = context.item("upgrade_configs", i);
    const auto& upgrade = proto.upgrade_configs(i);
    const std::string type = lower_case(upgrade.upgrade_type());
    if (type.empty()) item.error("has no upgrade_type");
    const bool twice = std::any_of(action.upgrades.begin(), action.upgrades.end(),
                                   [&](const auto& other) { return other.first == type; });
    if (twice) item.error("Duplicate upgrade " + upgrade.upgrade_type());
    action.upgrades.emplace_back(type, !upgrade.has_enabled() || upgrade.enabled().value());
  }
}

/// Of the metadata that Envoy would pick hosts by.
void read_metadata_match(const envoy::config::core::v3::Metadata& proto,
                         const ParseContext& context, route::ForwardAction& action) {
  context.warning("has no effect: hosts are not picked by metadata");
  const auto& filters = proto.filter_metadata();
  const auto lb = filters.find("envoy.lb");
  if (lb == filters.end()) return;
  for (const auto& [key, value] : lb->second.fields())
    action.metadata_match.emplace_back(key, value.string_value());
  std::sort(action.metadata_match.begin(), action.metadata_match.end());
}

void check_text(const std::string& text, const ParseContext& context, std::string_view field) {
  if (text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos)
    context.field(field).error("holds a line break or a zero byte");
}

std::uint16_t status_from_proto(Redirect::RedirectResponseCode proto) {
  constexpr std::uint16_t kCodes[] = {301, 302, 303, 307, 308};
  return kCodes[static_cast<int>(proto)];
}

}  // namespace

route::ForwardAction forward_action_from_proto(const RouteAction& proto,
                                               const FilterRegistry& registry,
                                               const ParseContext& context) {
  route::ForwardAction action;
  read_cluster(proto, registry, context, action);
  action.cluster_not_found_status = status_from_proto(proto.cluster_not_found_response_code());
  read_rewrites(proto, context, action);
  read_timeouts(proto, context, action);
  read_upgrades(proto, context, action);
  if (proto.has_retry_policy())
    action.retry = retry_policy_from_proto(proto.retry_policy(), context.field("retry_policy"));
  if (proto.priority() == envoy::config::core::v3::HIGH) action.priority = route::Priority::high;
  check_text(action.host_rewrite, context, "host_rewrite_literal");
  check_text(action.rewrite.prefix, context, "prefix_rewrite");
  if (proto.has_metadata_match())
    read_metadata_match(proto.metadata_match(), context.field("metadata_match"), action);
  remark(!proto.request_mirror_policies().empty(), context, "request_mirror_policies",
         "has no effect: requests are not mirrored");
  remark(!proto.hash_policy().empty(), context, "hash_policy",
         "has no effect: no load balancing policy uses it");
  remark(proto.has_cors(), context, "cors",
         "has no effect: use typed_per_filter_config of the CORS filter");
  return action;
}

route::RedirectAction redirect_action_from_proto(const Redirect& proto,
                                                 const ParseContext& context) {
  route::RedirectAction action;
  if (!proto.host_redirect().empty()) action.host = proto.host_redirect();
  if (proto.port_redirect() != 0)
    action.port = port_from_proto(proto.port_redirect(), context.field("port_redirect"));
  action.https = proto.https_redirect();
  action.scheme = proto.scheme_redirect();
  action.path = proto.path_redirect();
  action.rewrite.prefix = proto.prefix_rewrite();
  if (proto.has_regex_rewrite())
    action.rewrite.regex =
        regex_rewrite_from_proto(proto.regex_rewrite(), context.field("regex_rewrite"));
  action.status = status_from_proto(proto.response_code());
  action.strip_query = proto.strip_query();
  check_text(proto.host_redirect(), context, "host_redirect");
  check_text(action.path, context, "path_redirect");
  check_text(action.rewrite.prefix, context, "prefix_rewrite");
  check_text(action.scheme, context, "scheme_redirect");
  return action;
}

route::DirectResponse direct_response_from_proto(const DirectResponseAction& proto,
                                                 std::uint32_t most_bytes,
                                                 const ParseContext& context) {
  route::DirectResponse response;
  if (proto.status() < 200 || proto.status() > 599)
    context.field("status").error("status '" + std::to_string(proto.status()) +
                                  "': must be 200 to 599");
  response.status = static_cast<std::uint16_t>(proto.status());
  if (!proto.has_body()) return response;
  const ParseContext body = context.field("body");
  response.body = read_data_source(proto.body(), body).value_or("");
  if (response.body.size() > most_bytes)
    body.error("response body size is " + std::to_string(response.body.size()) +
               " bytes; maximum is " + std::to_string(most_bytes));
  return response;
}

}  // namespace weir::config
