// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/config/test_filters.hpp"

#include "envoy/config/core/v3/base.pb.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/original_src/v3/original_src.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "tests/unit/config/describe_http.hpp"

namespace weir::config::testing {
namespace {

using envoy::extensions::filters::listener::original_dst::v3::OriginalDst;
using envoy::extensions::filters::listener::original_src::v3::OriginalSrc;
using envoy::extensions::filters::listener::tls_inspector::v3::TlsInspector;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
// Messages that are small and at hand stand in for those of an HTTP filter.
using TestHttpProto = envoy::config::route::v3::Decorator;
using TestRouteProto = envoy::config::core::v3::Locality;

std::shared_ptr<const NetworkFilterConfig> parse_tcp_proxy(const google::protobuf::Message& config,
                                                           const FilterRegistry&,
                                                           const ParseContext& context) {
  return std::make_shared<const TestTcpProxy>(
      filters::tcp_proxy_from_proto(static_cast<const TcpProxy&>(config), context));
}

std::shared_ptr<const NetworkFilterConfig> parse_hcm(const google::protobuf::Message& config,
                                                     const FilterRegistry& registry,
                                                     const ParseContext& context) {
  return std::make_shared<const TestHcm>(filters::hcm_from_proto(
      static_cast<const HttpConnectionManager&>(config), registry, context));
}

std::shared_ptr<const HttpFilterConfig> parse_http(const google::protobuf::Message& config,
                                                   const ParseContext& context) {
  const std::string& text = static_cast<const TestHttpProto&>(config).operation();
  if (text == "wrong") context.field("operation").error("is wrong");
  return std::make_shared<const TestHttpFilter>(text);
}

std::shared_ptr<const RouteFilterConfig> parse_http_route(const google::protobuf::Message& config,
                                                          const ParseContext&) {
  return std::make_shared<const TestRouteFilter>(
      static_cast<const TestRouteProto&>(config).region());
}

}  // namespace

std::vector<std::string> TestTcpProxy::cluster_names() const {
  std::vector<std::string> names;
  for (const auto& cluster : config.clusters) names.push_back(cluster.name);
  return names;
}

std::string TestTcpProxy::to_string() const {
  std::string text = "tcp_proxy";
  for (const auto& cluster : config.clusters)
    text += " " + cluster.name + "*" + std::to_string(cluster.weight);
  text += " stats=" + config.stat_prefix + " idle=" + std::to_string(config.idle_timeout.count()) +
          "ms max=" + std::to_string(config.max_duration.count()) +
          "ms attempts=" + std::to_string(config.max_connect_attempts) +
          " logs=" + std::to_string(config.access_logs.size());
  return text;
}

std::vector<std::string> TestHcm::cluster_names() const { return config.cluster_names(); }

std::vector<std::string> TestHcm::check_clusters(
    const std::function<bool(const std::string&)>& exists) const {
  return config.check_clusters(exists);
}

std::string TestHcm::to_string() const { return describe(config); }

const FilterRegistry& test_registry() {
  static const FilterRegistry kRegistry(
      {{"envoy.filters.network.tcp_proxy", &TcpProxy::default_instance(), parse_tcp_proxy},
       {"envoy.filters.network.http_connection_manager", &HttpConnectionManager::default_instance(),
        parse_hcm}},
      {{"envoy.filters.listener.original_dst", &OriginalDst::default_instance(),
        [](const google::protobuf::Message&,
           const ParseContext&) -> std::shared_ptr<const ListenerFilterConfig> {
          return std::make_shared<const TestListenerFilter>("envoy.filters.listener.original_dst");
        }},
       {"envoy.filters.listener.original_src", &OriginalSrc::default_instance(),
        [](const google::protobuf::Message& message,
           const ParseContext&) -> std::shared_ptr<const ListenerFilterConfig> {
          const auto& config = static_cast<const OriginalSrc&>(message);
          return std::make_shared<const TestListenerFilter>(
              "envoy.filters.listener.original_src mark=" + std::to_string(config.mark()) +
              (config.bind_port() ? " bind_port" : ""));
        }},
       {"envoy.filters.listener.tls_inspector", &TlsInspector::default_instance(),
        [](const google::protobuf::Message&,
           const ParseContext&) -> std::shared_ptr<const ListenerFilterConfig> {
          return std::make_shared<const TestListenerFilter>("envoy.filters.listener.tls_inspector");
        }}},
      {{"envoy.filters.http.test", &TestHttpProto::default_instance(), parse_http,
        &TestRouteProto::default_instance(), parse_http_route}});
  return kRegistry;
}

}  // namespace weir::config::testing
