// SPDX-License-Identifier: Apache-2.0
// virtualInbound: what the workload itself serves.
#include <algorithm>

#include "control/build_resources.hpp"
#include "control/builders.hpp"
#include "control/envoy_parts.hpp"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/extensions/filters/listener/original_dst/v3/original_dst.pb.h"

namespace weir::control {
namespace {

using envoy::config::cluster::v3::Cluster;
using envoy::config::core::v3::INBOUND;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;

/// Connections that the proxy opens to its workload come from here, which weir-init leaves alone.
constexpr std::string_view kInboundSource = "127.0.0.6";

void add_inbound_cluster(std::string name, ResourceSet& out) {
  Cluster cluster;
  cluster.set_name(std::move(name));
  cluster.set_type(Cluster::ORIGINAL_DST);
  cluster.set_lb_policy(Cluster::CLUSTER_PROVIDED);
  set_duration(*cluster.mutable_connect_timeout(), std::chrono::seconds(10));
  auto& source = *cluster.mutable_upstream_bind_config()->mutable_source_address();
  source.set_address(std::string(kInboundSource));
  source.set_port_value(0);
  out.add(ResourceType::cluster, cluster.name(), cluster);
}

/// The ports on which the node's own address is an endpoint, and what is spoken there.
std::map<std::uint16_t, Protocol> own_ports(const NodeIdentity& node, const Registry& registry) {
  std::map<std::uint16_t, Protocol> out;
  if (node.address.empty()) return out;
  for (const Service& service : registry.services)
    for (const ServiceEndpoint& endpoint : service.endpoints) {
      if (endpoint.address != node.address) continue;
      for (const ServicePort& port : service.ports) {
        const auto named = endpoint.ports.find(port.name);
        const std::uint16_t number = named != endpoint.ports.end() ? named->second
                                     : port.target != 0            ? port.target
                                                                   : port.number;
        out.try_emplace(number, port.protocol);
      }
    }
  return out;
}

void add_http(FilterChain& chain, const std::string& cluster, const std::string& stat_prefix,
              const MeshConfig& mesh) {
  HttpManager manager = http_manager(stat_prefix, mesh);
  auto& routes = *manager.mutable_route_config();
  routes.set_name(cluster);
  routes.mutable_validate_clusters()->set_value(false);
  auto& host = *routes.add_virtual_hosts();
  host.set_name("inbound|http");
  host.add_domains("*");
  *host.add_routes() = default_route(cluster);
  // The workload saw the request once: only its caller may send it again.
  host.mutable_routes(0)->mutable_route()->clear_retry_policy();
  add_http_manager(chain, manager);
}

void set_http_match(FilterChain& chain) {
  auto& match = *chain.mutable_filter_chain_match();
  match.set_transport_protocol("raw_buffer");
  match.add_application_protocols("http/1.1");
  match.add_application_protocols("h2c");
}

/// A port of the workload: HTTP where it is spoken, and bytes.
void add_port_chains(Listener& listener, std::uint16_t port, Protocol protocol,
                     const MeshConfig& mesh) {
  const std::string cluster = "inbound|" + std::to_string(port) + "||";
  if (protocol == Protocol::http || protocol == Protocol::http2) {
    FilterChain& http = *listener.add_filter_chains();
    http.set_name("0.0.0.0_" + std::to_string(port) + "-http");
    set_http_match(http);
    http.mutable_filter_chain_match()->mutable_destination_port()->set_value(port);
    add_http(http, cluster, "inbound_0.0.0.0_" + std::to_string(port), mesh);
  }
  FilterChain& tcp = *listener.add_filter_chains();
  tcp.set_name("0.0.0.0_" + std::to_string(port));
  tcp.mutable_filter_chain_match()->mutable_destination_port()->set_value(port);
  add_tcp_proxy(tcp, cluster, mesh);
}

void add_original_destination_filter(Listener& listener) {
  auto& filter = *listener.add_listener_filters();
  filter.set_name("envoy.filters.listener.original_dst");
  filter.mutable_typed_config()->PackFrom(
      envoy::extensions::filters::listener::original_dst::v3::OriginalDst());
}

}  // namespace

void build_inbound(const NodeIdentity& node, const Registry& registry, ResourceSet& out) {
  Listener listener;
  listener.set_name("virtualInbound");
  set_address(*listener.mutable_address(), "0.0.0.0", kInboundPort);
  listener.set_traffic_direction(INBOUND);
  add_original_destination_filter(listener);
  add_inspectors(listener, Inspect::tls_and_http);
  FilterChain& loop = *listener.add_filter_chains();
  loop.set_name("virtualInbound-blackhole");
  loop.mutable_filter_chain_match()->mutable_destination_port()->set_value(kInboundPort);
  add_tcp_proxy(loop, kBlackHole, registry.mesh);
  for (const auto& [port, protocol] : own_ports(node, registry)) {
    add_port_chains(listener, port, protocol, registry.mesh);
    add_inbound_cluster("inbound|" + std::to_string(port) + "||", out);
  }
  FilterChain& http = *listener.add_filter_chains();
  http.set_name("virtualInbound-catchall-http");
  set_http_match(http);
  add_http(http, std::string(kInboundPassthrough), std::string(kInboundPassthrough), registry.mesh);
  FilterChain& rest = *listener.add_filter_chains();
  rest.set_name("virtualInbound");
  add_tcp_proxy(rest, kInboundPassthrough, registry.mesh);
  add_inbound_cluster(std::string(kInboundPassthrough), out);
  out.add(ResourceType::listener, listener.name(), listener);
}

}  // namespace weir::control
