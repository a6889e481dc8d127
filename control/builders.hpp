// SPDX-License-Identifier: Apache-2.0
// The parts of build_resources, one file each.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/node.hpp"
#include "control/registry.hpp"
#include "control/resource_set.hpp"
#include "envoy/config/route/v3/route_components.pb.h"

namespace weir::control {

/// Clusters and endpoint sets of every port of every service, one more for each subset.
void build_clusters(const Registry& registry, ResourceSet& out);
/// One table for each port on which HTTP is spoken.
void build_route_tables(const NodeIdentity& node, const Registry& registry, ResourceSet& out);
void build_outbound_listeners(const Registry& registry, ResourceSet& out);
/// virtualInbound, and the clusters behind it.
void build_inbound(const NodeIdentity& node, const Registry& registry, ResourceSet& out);

/// The ports whose listener speaks HTTP, with the services there.
std::map<std::uint16_t, std::vector<const Service*>> http_ports(const Registry& registry);
const ServicePort* find_port(const Service& service, std::uint16_t number);
inline bool is_http(const ServicePort& port) {
  return port.protocol == Protocol::http || port.protocol == Protocol::http2;
}

/// The routes of the rule that apply on `port`, in order: one for each match.
std::vector<envoy::config::route::v3::Route> build_routes(const VirtualService& rules,
                                                          const Registry& registry,
                                                          std::uint16_t port);
/// Everything to one cluster.
envoy::config::route::v3::Route default_route(const std::string& cluster);

}  // namespace weir::control
