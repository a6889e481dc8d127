// SPDX-License-Identifier: Apache-2.0
#include "control/envoy_parts.hpp"

#include "envoy/extensions/access_loggers/file/v3/file.pb.h"
#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"

namespace weir::control {
namespace {

using envoy::config::accesslog::v3::AccessLog;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;

/// One line each, with the reason for the end in it.
constexpr std::string_view kLogFormat =
    "[%START_TIME%] %PROTOCOL% \"%REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(:PATH)%\" %RESPONSE_CODE% "
    "flags=%RESPONSE_FLAGS% details=%RESPONSE_CODE_DETAILS% route=%ROUTE_NAME% "
    "cluster=%UPSTREAM_CLUSTER% upstream=%UPSTREAM_HOST% to=%DOWNSTREAM_LOCAL_ADDRESS% "
    "from=%DOWNSTREAM_REMOTE_ADDRESS% received=%BYTES_RECEIVED% sent=%BYTES_SENT% "
    "duration=%DURATION%\n";

void add_access_log(google::protobuf::RepeatedPtrField<AccessLog>& logs, const MeshConfig& mesh) {
  if (mesh.access_log_path.empty()) return;
  envoy::extensions::access_loggers::file::v3::FileAccessLog file;
  file.set_path(mesh.access_log_path);
  std::string format(mesh.access_log_format.empty() ? kLogFormat : mesh.access_log_format);
  if (!format.ends_with('\n')) format += '\n';
  file.mutable_log_format()->mutable_text_format_source()->set_inline_string(format);
  AccessLog& log = *logs.Add();
  log.set_name("envoy.access_loggers.file");
  log.mutable_typed_config()->PackFrom(file);
}

void add_http_filter(HttpManager& manager, const char* name,
                     const google::protobuf::Message& config) {
  auto& filter = *manager.add_http_filters();
  filter.set_name(name);
  filter.mutable_typed_config()->PackFrom(config);
}

}  // namespace

std::string cluster_name(std::uint16_t port, std::string_view subset, std::string_view host) {
  return "outbound|" + std::to_string(port) + "|" + std::string(subset) + "|" + std::string(host);
}

std::string_view unknown_cluster(const MeshConfig& mesh) {
  return mesh.outbound == OutboundPolicy::allow_any ? kPassthrough : kBlackHole;
}

void set_address(envoy::config::core::v3::Address& address, std::string_view ip,
                 std::uint16_t port) {
  auto& socket = *address.mutable_socket_address();
  socket.set_address(std::string(ip));
  socket.set_port_value(port);
}

void set_duration(google::protobuf::Duration& out, Duration value) {
  out.set_seconds(value.count() / 1'000'000'000);
  out.set_nanos(static_cast<std::int32_t>(value.count() % 1'000'000'000));
}

void set_prefix(envoy::config::core::v3::CidrRange& out, const CidrRange& range) {
  out.set_address_prefix(range.address().to_string());
  out.mutable_prefix_len()->set_value(range.length());
}

void set_ads(envoy::config::core::v3::ConfigSource& source) {
  source.mutable_ads();
  source.set_resource_api_version(envoy::config::core::v3::V3);
  source.mutable_initial_fetch_timeout();  // 0: waits for its answer
}

void set_origin(envoy::config::core::v3::Metadata& metadata, std::string_view kind,
                const ObjectName& object) {
  auto& fields = *(*metadata.mutable_filter_metadata())["istio"].mutable_fields();
  fields["config"].set_string_value("/apis/networking.istio.io/v1alpha3/namespaces/" +
                                    object.name_space + "/" + std::string(kind) + "/" +
                                    object.name);
}

void add_tcp_proxy(FilterChain& chain, std::string_view cluster, const MeshConfig& mesh) {
  envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
  proxy.set_stat_prefix(std::string(cluster));
  proxy.set_cluster(std::string(cluster));
  add_access_log(*proxy.mutable_access_log(), mesh);
  auto& filter = *chain.add_filters();
  filter.set_name("envoy.filters.network.tcp_proxy");
  filter.mutable_typed_config()->PackFrom(proxy);
}

HttpManager http_manager(std::string stat_prefix, const MeshConfig& mesh) {
  HttpManager manager;
  manager.set_stat_prefix(std::move(stat_prefix));
  manager.mutable_stream_idle_timeout();  // 0: the routes' business
  manager.mutable_normalize_path()->set_value(true);
  manager.add_upgrade_configs()->set_upgrade_type("websocket");
  add_access_log(*manager.mutable_access_log(), mesh);
  add_http_filter(manager, "envoy.filters.http.fault",
                  envoy::extensions::filters::http::fault::v3::HTTPFault());
  add_http_filter(manager, "envoy.filters.http.router",
                  envoy::extensions::filters::http::router::v3::Router());
  return manager;
}

void add_http_manager(FilterChain& chain, const HttpManager& manager) {
  auto& filter = *chain.add_filters();
  filter.set_name("envoy.filters.network.http_connection_manager");
  filter.mutable_typed_config()->PackFrom(manager);
}

void add_inspectors(Listener& listener, Inspect what) {
  auto& tls = *listener.add_listener_filters();
  tls.set_name("envoy.filters.listener.tls_inspector");
  tls.mutable_typed_config()->PackFrom(
      envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector());
  if (what == Inspect::tls_and_http) {
    auto& http = *listener.add_listener_filters();
    http.set_name("envoy.filters.listener.http_inspector");
    http.mutable_typed_config()->PackFrom(
        envoy::extensions::filters::listener::http_inspector::v3::HttpInspector());
  }
  listener.mutable_listener_filters_timeout();  // 0: protocols in which the server speaks first
                                                // wait for good
  listener.set_continue_on_listener_filters_timeout(true);
}

}  // namespace weir::control
