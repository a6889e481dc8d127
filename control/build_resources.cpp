// SPDX-License-Identifier: Apache-2.0
#include "control/build_resources.hpp"

#include <algorithm>

#include "control/builders.hpp"

namespace weir::control {

std::map<std::uint16_t, std::vector<const Service*>> http_ports(const Registry& registry) {
  constexpr std::uint16_t kHttp = 80;
  std::map<std::uint16_t, std::vector<const Service*>> out;
  out[kHttp];
  for (const Service& service : registry.services)
    for (const ServicePort& port : service.ports)
      if (is_http(port)) out[port.number].push_back(&service);
  return out;
}

const ServicePort* find_port(const Service& service, std::uint16_t number) {
  const auto found = std::find_if(service.ports.begin(), service.ports.end(),
                                  [&](const ServicePort& port) { return port.number == number; });
  return found == service.ports.end() ? nullptr : &*found;
}

ResourceSet build_resources(const NodeIdentity& node, const Registry& registry) {
  ResourceSet out;
  for (const EnvoyResource& one : registry.resources) out.add(one.type, one.name, one.resource);
  if (!registry.builds_sidecar) return out;
  build_clusters(registry, out);
  build_route_tables(node, registry, out);
  build_outbound_listeners(registry, out);
  build_inbound(node, registry, out);
  return out;
}

}  // namespace weir::control
