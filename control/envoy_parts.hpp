// SPDX-License-Identifier: Apache-2.0
// The pieces of Envoy's resources that several builders need.
#pragma once

#include <string>
#include <string_view>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>

#include "control/registry.hpp"
#include "envoy/config/core/v3/address.pb.h"
#include "envoy/config/core/v3/config_source.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"

namespace weir::control {

inline constexpr std::string_view kBlackHole = "BlackHoleCluster";
inline constexpr std::string_view kPassthrough = "PassthroughCluster";
inline constexpr std::string_view kInboundPassthrough = "InboundPassthroughClusterIpv4";

using HttpManager =
    envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

/// "outbound|80|v1|reviews.default.svc.cluster.local".
std::string cluster_name(std::uint16_t port, std::string_view subset, std::string_view host);
/// Where traffic goes that no rule knows.
std::string_view unknown_cluster(const MeshConfig& mesh);
void set_address(envoy::config::core::v3::Address& address, std::string_view ip,
                 std::uint16_t port);
void set_duration(google::protobuf::Duration& out, Duration value);
void set_prefix(envoy::config::core::v3::CidrRange& out, const CidrRange& range);
/// The stream that asks for this resource also brings the ones that it names.
void set_ads(envoy::config::core::v3::ConfigSource& source);
/// Points to the object that a resource was made from, as the tools of the mesh look for it.
void set_origin(envoy::config::core::v3::Metadata& metadata, std::string_view kind,
                const ObjectName& object);

/// Appends tcp_proxy.
void add_tcp_proxy(envoy::config::listener::v3::FilterChain& chain, std::string_view cluster,
                   const MeshConfig& mesh);
/// An HTTP manager with everything but its routes.
HttpManager http_manager(std::string stat_prefix, const MeshConfig& mesh);
void add_http_manager(envoy::config::listener::v3::FilterChain& chain, const HttpManager& manager);
enum class Inspect : std::uint8_t { tls, tls_and_http };
/// A listener filter each; waits for no first byte longer than the client takes.
void add_inspectors(envoy::config::listener::v3::Listener& listener, Inspect what);

}  // namespace weir::control
