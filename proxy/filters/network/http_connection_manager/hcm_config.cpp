// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"

#include <algorithm>

#include <google/protobuf/any.pb.h>

#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/request_id/uuid/v3/uuid.pb.h"
#include "proxy/config/access_log_from_proto.hpp"
#include "proxy/config/config_source_from_proto.hpp"
#include "proxy/config/filter_registry.hpp"
#include "proxy/config/http_options_from_proto.hpp"
#include "proxy/config/proto_values.hpp"
#include "proxy/config/route_from_proto.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_parts.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
using envoy::extensions::request_id::uuid::v3::UuidRequestIdConfig;
using Proto =
    envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

constexpr std::uint32_t kMostHeaderKilobytes = 8192;

HcmConfig::ForwardClientCert forward_client_cert_from_proto(Proto::ForwardClientCertDetails proto) {
  switch (proto) {
    case Proto::FORWARD_ONLY:
      return HcmConfig::ForwardClientCert::forward_only;
    case Proto::ALWAYS_FORWARD_ONLY:
      return HcmConfig::ForwardClientCert::always_forward;
    default:
      // APPEND_FORWARD and SANITIZE_SET tell of a client certificate; without one they sanitize.
      return HcmConfig::ForwardClientCert::sanitize;
  }
}

HcmConfig::EscapedSlashes escaped_slashes_from_proto(Proto::PathWithEscapedSlashesAction proto) {
  switch (proto) {
    case Proto::REJECT_REQUEST:
      return HcmConfig::EscapedSlashes::reject;
    case Proto::UNESCAPE_AND_REDIRECT:
      return HcmConfig::EscapedSlashes::unescape_and_redirect;
    case Proto::UNESCAPE_AND_FORWARD:
      return HcmConfig::EscapedSlashes::unescape;
    default:
      return HcmConfig::EscapedSlashes::keep;
  }
}

void read_rds(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  config::RouteTableRef rds{proto.rds().route_config_name(), {}, proto.stat_prefix()};
  if (rds.name.empty()) context.error("has no route_config_name");
  auto source =
      config::config_source_from_proto(proto.rds().config_source(), context.field("config_source"));
  if (!source) return;
  rds.source = *std::move(source);
  out.rds = std::move(rds);
}

void read_routes(const Proto& proto, const config::FilterRegistry& registry,
                 const ParseContext& context, HcmConfig& out) {
  switch (proto.route_specifier_case()) {
    case Proto::kRouteConfig:
      out.routes = config::route_table_from_proto(proto.route_config(), registry,
                                                  context.field("route_config"));
      return;
    case Proto::kRds:
      return read_rds(proto, context.field("rds"), out);
    case Proto::ROUTE_SPECIFIER_NOT_SET:
      break;
  }
  context.error("has no routes: expected route_config or rds");
}

void read_protocols(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  out.codec = static_cast<HcmConfig::Codec>(proto.codec_type());
  out.stream_error_on_invalid_message = proto.stream_error_on_invalid_http_message().value();
  out.common = config::http_options_from_proto(proto.common_http_protocol_options(),
                                               context.field("common_http_protocol_options"));
  out.http1 = config::http1_options_from_proto(proto.http_protocol_options(),
                                               context.field("http_protocol_options"));
  out.http2 = config::http2_options_from_proto(proto.http2_protocol_options(),
                                               out.stream_error_on_invalid_message,
                                               context.field("http2_protocol_options"));
  out.proxy_100_continue = proto.proxy_100_continue();
  if (!proto.has_max_request_headers_kb()) return;
  out.max_request_headers_kb = proto.max_request_headers_kb().value();
  if (out.max_request_headers_kb == 0 || out.max_request_headers_kb > kMostHeaderKilobytes)
    context.field("max_request_headers_kb")
        .error("'" + std::to_string(out.max_request_headers_kb) + "': must be 1 to " +
               std::to_string(kMostHeaderKilobytes));
}

void read_timeouts(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  const auto read = [&](bool given, const google::protobuf::Duration& duration,
                        std::string_view field, HcmConfig::Milliseconds& into) {
    into = config::duration_or(given, duration, into, context.field(field));
  };
  read(proto.has_stream_idle_timeout(), proto.stream_idle_timeout(), "stream_idle_timeout",
       out.stream_idle_timeout);
  read(proto.has_request_timeout(), proto.request_timeout(), "request_timeout",
       out.request_timeout);
  read(proto.has_request_headers_timeout(), proto.request_headers_timeout(),
       "request_headers_timeout", out.request_headers_timeout);
  read(proto.has_drain_timeout(), proto.drain_timeout(), "drain_timeout", out.drain_timeout);
  read(proto.has_delayed_close_timeout(), proto.delayed_close_timeout(), "delayed_close_timeout",
       out.delayed_close_timeout);
}

void read_header_text(const std::string& text, const ParseContext& context, std::string_view field,
                      std::string& out) {
  if (text.find_first_of(std::string_view("\0\r\n", 3)) != std::string::npos)
    context.field(field).error("holds a line break or a zero byte");
  if (!text.empty()) out = text;
}

void read_request_id(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  out.generate_request_id = !proto.has_generate_request_id() || proto.generate_request_id().value();
  out.preserve_external_request_id = proto.preserve_external_request_id();
  out.always_set_request_id_in_response = proto.always_set_request_id_in_response();
  const std::string& url = proto.request_id_extension().typed_config().type_url();
  if (!url.empty() && config::type_name(url) != UuidRequestIdConfig::descriptor()->full_name())
    context.field("request_id_extension")
        .error(config::explain_missing_extension("request_id_extension", url,
                                                 {"envoy.request_id.uuid"}));
}

void read_identity(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  read_header_text(proto.server_name(), context, "server_name", out.server_name);
  read_header_text(proto.via(), context, "via", out.via);
  out.server_header = static_cast<HcmConfig::ServerHeader>(proto.server_header_transformation());
  out.add_user_agent = proto.add_user_agent().value();
  out.forward_client_cert = forward_client_cert_from_proto(proto.forward_client_cert_details());
  read_request_id(proto, context, out);
}

void read_client_address(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  out.use_remote_address = proto.use_remote_address().value();
  out.xff_trusted_hops = proto.xff_num_trusted_hops();
  out.skip_xff_append = proto.skip_xff_append();
  if (proto.represent_ipv4_remote_address_as_ipv4_mapped_ipv6())
    context.field("represent_ipv4_remote_address_as_ipv4_mapped_ipv6")
        .warning("has no effect: addresses are shown as they are");
  out.append_x_forwarded_port = proto.append_x_forwarded_port();
  if (!proto.has_internal_address_config()) return;
  const ParseContext inside = context.field("internal_address_config");
  const auto& ranges = proto.internal_address_config().cidr_ranges();
  out.internal_addresses.emplace();
  for (int i = 0; i < ranges.size(); ++i) {
    const ParseContext item = inside.item("cidr_ranges", i);
    if (const auto range = config::cidr_from_proto(ranges[i], item))
      out.internal_addresses->push_back(*range);
  }
}

void read_target(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  out.normalize_path = proto.normalize_path().value();
  out.merge_slashes = proto.merge_slashes();
  out.escaped_slashes = escaped_slashes_from_proto(proto.path_with_escaped_slashes_action());
  out.strip_any_host_port = proto.strip_any_host_port();
  out.strip_matching_host_port = proto.strip_matching_host_port();
  out.strip_trailing_host_dot = proto.strip_trailing_host_dot();
  if (out.strip_any_host_port && out.strip_matching_host_port)
    context.error("Only one of `strip_matching_host_port` or `strip_any_host_port` can be set.");
}

void read_upgrades(const Proto& proto, const ParseContext& context, HcmConfig& out) {
  for (int i = 0; i < proto.upgrade_configs_size(); ++i) {
    const ParseContext item = context.item("upgrade_configs", i);
    const auto& upgrade = proto.upgrade_configs(i);
    const std::string type = config::lower_case(upgrade.upgrade_type());
    if (type.empty()) item.error("has no upgrade_type");
    if (std::any_of(out.upgrades.begin(), out.upgrades.end(),
                    [&](const auto& other) { return other.first == type; }))
      item.error("multiple upgrade configs with the same name: '" + upgrade.upgrade_type() + "'");
    out.upgrades.emplace_back(type, upgrade.has_enabled() && !upgrade.enabled().value());
  }
}

}  // namespace

std::vector<std::string> HcmConfig::cluster_names() const {
  std::vector<std::string> names;
  if (routes) names = routes->config().cluster_names();
  for (const HttpFilterEntry& entry : filters) {
    std::vector<std::string> own = entry.filter->cluster_names();
    std::move(own.begin(), own.end(), std::back_inserter(names));
  }
  return names;
}

std::vector<std::string> HcmConfig::check_clusters(const route::ClusterExists& exists) const {
  return routes == nullptr ? std::vector<std::string>() : routes->config().check_clusters(exists);
}

HcmConfig hcm_from_proto(const Proto& proto, const config::FilterRegistry& registry,
                         const ParseContext& context) {
  HcmConfig out;
  out.stat_prefix = proto.stat_prefix();
  if (out.stat_prefix.empty()) context.error("has no stat_prefix");
  read_protocols(proto, context, out);
  read_routes(proto, registry, context, out);
  read_http_filters(proto, registry, context, out);
  out.access_logs = config::access_logs_from_proto(proto.access_log(), context, "access_log");
  out.local_replies =
      local_reply_from_proto(proto.local_reply_config(), context.field("local_reply_config"));
  read_timeouts(proto, context, out);
  read_identity(proto, context, out);
  read_client_address(proto, context, out);
  read_target(proto, context, out);
  read_upgrades(proto, context, out);
  if (proto.has_tracing()) context.field("tracing").warning("has no effect: nothing is traced");
  return out;
}

}  // namespace weir::filters
