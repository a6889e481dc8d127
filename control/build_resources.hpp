// SPDX-License-Identifier: Apache-2.0
// build_resources: what one node is served, from the registry: a pure function.
#pragma once

#include "control/node.hpp"
#include "control/registry.hpp"
#include "control/resource_set.hpp"

namespace weir::control {

/// The ports that weir-init redirects to.
inline constexpr std::uint16_t kOutboundPort = 15001;
inline constexpr std::uint16_t kInboundPort = 15006;

/// The resources in Envoy's form and, once the registry has anything else, the listener set of a
/// sidecar with its route tables, clusters and endpoints:
/// - virtualOutbound (15001): hands connections to the listener of their original destination; the
///   rest goes to PassthroughCluster or BlackHoleCluster, as the mesh's policy says;
/// - a listener that is not bound for each port of a service: HTTP through the route table of that
///   port, TLS by server name, TCP by address;
/// - virtualInbound (15006): what the workload itself serves, then InboundPassthroughCluster.
/// Port 80 has its HTTP listener always, so that a request to an unknown host gets an answer that
/// says so: the route tables end in `allow_any` or `block_all`.
/// A resource in Envoy's form replaces the built one of the same name.
ResourceSet build_resources(const NodeIdentity& node, const Registry& registry);

}  // namespace weir::control
