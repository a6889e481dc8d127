// SPDX-License-Identifier: Apache-2.0
// endpoint.v3.ClusterLoadAssignment into EndpointConfig.
#pragma once

#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::endpoint::v3 {
class ClusterLoadAssignment;
}

namespace weir::config {

/// Endpoints in the order of the configuration. `discovery` decides whether an address may be a DNS
/// name.
std::vector<EndpointConfig> endpoints_from_proto(
    const envoy::config::endpoint::v3::ClusterLoadAssignment& proto, DiscoveryType discovery,
    const ParseContext& context);

}  // namespace weir::config
