// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/builtin.hpp"

#include "envoy/extensions/filters/listener/http_inspector/v3/http_inspector.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"
#include "envoy/extensions/filters/listener/original_src/v3/original_src.pb.h"
#include "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "proxy/filters/builtin_http.hpp"
#include "proxy/filters/listener/http_inspector.hpp"
#include "proxy/filters/listener/original_dst.hpp"
#include "proxy/filters/listener/original_src.hpp"
#include "proxy/filters/listener/tls_inspector.hpp"
#include "proxy/filters/network/http_connection_manager/hcm.hpp"
#include "proxy/filters/network/tcp_proxy/tcp_proxy.hpp"

namespace weir::filters {
namespace {

namespace proto = ::envoy::extensions::filters;

std::shared_ptr<const config::NetworkFilterConfig> parse_tcp_proxy(
    const google::protobuf::Message& message, const config::FilterRegistry&,
    const config::ParseContext& context) {
  return std::make_shared<TcpProxyFilter>(tcp_proxy_from_proto(
      static_cast<const proto::network::tcp_proxy::v3::TcpProxy&>(message), context));
}

std::shared_ptr<const config::NetworkFilterConfig> parse_http_connection_manager(
    const google::protobuf::Message& message, const config::FilterRegistry& registry,
    const config::ParseContext& context) {
  using Proto = proto::network::http_connection_manager::v3::HttpConnectionManager;
  return std::make_shared<HttpConnectionManager>(
      hcm_from_proto(static_cast<const Proto&>(message), registry, context));
}

std::shared_ptr<const config::ListenerFilterConfig> parse_original_src(
    const google::protobuf::Message& message, const config::ParseContext&) {
  const auto& config = static_cast<const proto::listener::original_src::v3::OriginalSrc&>(message);
  return std::make_shared<OriginalSrcFilter>(
      upstream::SourceKeeping{config.mark(), config.bind_port()});
}

template <class Filter>
std::shared_ptr<const config::ListenerFilterConfig> parse_empty(const google::protobuf::Message&,
                                                                const config::ParseContext&) {
  return std::make_shared<Filter>();
}

}  // namespace

config::FilterRegistry builtin_filters() {
  return config::FilterRegistry(
      {
          {"envoy.filters.network.http_connection_manager",
           &proto::network::http_connection_manager::v3::HttpConnectionManager::default_instance(),
           parse_http_connection_manager},
          {"envoy.filters.network.tcp_proxy",
           &proto::network::tcp_proxy::v3::TcpProxy::default_instance(), parse_tcp_proxy},
      },
      {
          {"envoy.filters.listener.http_inspector",
           &proto::listener::http_inspector::v3::HttpInspector::default_instance(),
           parse_empty<HttpInspectorFilter>},
          {"envoy.filters.listener.original_dst",
           &proto::listener::original_dst::v3::OriginalDst::default_instance(),
           parse_empty<OriginalDstFilter>},
          {"envoy.filters.listener.original_src",
           &proto::listener::original_src::v3::OriginalSrc::default_instance(), parse_original_src},
          {"envoy.filters.listener.tls_inspector",
           &proto::listener::tls_inspector::v3::TlsInspector::default_instance(),
           parse_empty<TlsInspectorFilter>},
      },
      builtin_http_filters(), refused_http_filters());
}

}  // namespace weir::filters
