// SPDX-License-Identifier: Apache-2.0
// virtualOutbound, and the listeners that it hands connections to.
#include <algorithm>
#include <set>

#include "control/build_resources.hpp"
#include "control/builders.hpp"
#include "control/envoy_parts.hpp"

namespace weir::control {
namespace {

using envoy::config::core::v3::OUTBOUND;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;

constexpr std::string_view kAnyAddress = "0.0.0.0";

bool is_single(const CidrRange& range) { return range.length() == range.address().bits(); }

Listener new_listener(std::string_view ip, std::uint16_t port) {
  Listener listener;
  listener.set_name(std::string(ip) + "_" + std::to_string(port));
  set_address(*listener.mutable_address(), ip, port);
  listener.mutable_bind_to_port()->set_value(false);
  listener.set_traffic_direction(OUTBOUND);
  return listener;
}

/// All that is at one port, whatever the address: 0.0.0.0_PORT.
class PortListener {
 public:
  PortListener(const Registry& registry, std::uint16_t port)
      : mesh_(registry.mesh), port_(port), listener_(new_listener(kAnyAddress, port)) {}

  void add_http() {
    FilterChain& chain = *listener_.add_filter_chains();
    auto& match = *chain.mutable_filter_chain_match();
    match.set_transport_protocol("raw_buffer");
    match.add_application_protocols("http/1.1");
    match.add_application_protocols("h2c");
    const std::string table = std::to_string(port_);
    HttpManager manager = http_manager("outbound_0.0.0.0_" + table, mesh_);
    manager.mutable_rds()->set_route_config_name(table);
    set_ads(*manager.mutable_rds()->mutable_config_source());
    add_http_manager(chain, manager);
    has_http_ = true;
  }

  /// By the name that the client asks for in its TLS hello. A name can be in a listener once.
  void add_tls(const Service& service) {
    if (!names_.insert(service.host).second) return;
    FilterChain& chain = *listener_.add_filter_chains();
    if (service.host != "*") chain.mutable_filter_chain_match()->add_server_names(service.host);
    chain.mutable_filter_chain_match()->set_transport_protocol("tls");
    add_tcp_proxy(chain, cluster_name(port_, "", service.host), mesh_);
    has_tls_ = true;
  }

  /// By the addresses, where there are some; the first service without any takes what is left.
  void add_tcp(const Service& service) {
    const std::string cluster = cluster_name(port_, "", service.host);
    FilterChain chain;
    for (const CidrRange& range : service.addresses)
      if (!is_single(range) && ranges_.insert(range.to_string()).second)
        set_prefix(*chain.mutable_filter_chain_match()->add_prefix_ranges(), range);
    if (chain.has_filter_chain_match()) {
      add_tcp_proxy(chain, cluster, mesh_);
      *listener_.add_filter_chains() = std::move(chain);
    } else if (service.addresses.empty() && rest_.empty()) {
      rest_ = cluster;
    }
  }

  [[nodiscard]] bool is_needed() const {
    return !listener_.filter_chains().empty() || !rest_.empty();
  }

  Listener take() {
    if (has_http_ || has_tls_)
      add_inspectors(listener_, has_http_ ? Inspect::tls_and_http : Inspect::tls);
    const std::string_view rest = rest_.empty() ? unknown_cluster(mesh_) : rest_;
    add_tcp_proxy(*listener_.mutable_default_filter_chain(), rest, mesh_);
    return std::move(listener_);
  }

 private:
  const MeshConfig& mesh_;
  const std::uint16_t port_;
  Listener listener_;
  std::set<std::string> names_, ranges_;
  std::string rest_;
  bool has_http_ = false, has_tls_ = false;
};

/// A listener of its own for each address of a TCP service.
void add_address_listeners(const Registry& registry, const Service& service,
                           const ServicePort& port, ResourceSet& out) {
  for (const CidrRange& range : service.addresses) {
    if (!is_single(range)) continue;
    Listener listener = new_listener(range.address().to_string(), port.number);
    add_tcp_proxy(*listener.add_filter_chains(), cluster_name(port.number, "", service.host),
                  registry.mesh);
    out.add(ResourceType::listener, listener.name(), listener);
  }
}

void add_virtual_outbound(const MeshConfig& mesh, ResourceSet& out) {
  Listener listener;
  listener.set_name("virtualOutbound");
  set_address(*listener.mutable_address(), kAnyAddress, kOutboundPort);
  listener.mutable_use_original_dst()->set_value(true);
  listener.set_traffic_direction(OUTBOUND);
  // Who connects to the port itself would be sent back to it for ever.
  FilterChain& loop = *listener.add_filter_chains();
  loop.set_name("virtualOutbound-blackhole");
  loop.mutable_filter_chain_match()->mutable_destination_port()->set_value(kOutboundPort);
  add_tcp_proxy(loop, kBlackHole, mesh);
  FilterChain& rest = *listener.add_filter_chains();
  rest.set_name("virtualOutbound-catchall-tcp");
  add_tcp_proxy(rest, unknown_cluster(mesh), mesh);
  out.add(ResourceType::listener, listener.name(), listener);
}

}  // namespace

void build_outbound_listeners(const Registry& registry, ResourceSet& out) {
  std::map<std::uint16_t, PortListener> listeners;
  const auto at = [&](std::uint16_t port) -> PortListener& {
    return listeners.try_emplace(port, registry, port).first->second;
  };
  for (const auto& [port, services] : http_ports(registry)) at(port).add_http();
  for (const Service& service : registry.services)
    for (const ServicePort& port : service.ports) {
      if (port.protocol == Protocol::tls) at(port.number).add_tls(service);
      if (port.protocol != Protocol::tcp) continue;
      at(port.number).add_tcp(service);
      add_address_listeners(registry, service, port, out);
    }
  for (auto& [port, listener] : listeners) {
    if (!listener.is_needed()) continue;
    const Listener done = listener.take();
    out.add(ResourceType::listener, done.name(), done);
  }
  add_virtual_outbound(registry.mesh, out);
}

}  // namespace weir::control
