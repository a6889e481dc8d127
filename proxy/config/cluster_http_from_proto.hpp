// SPDX-License-Identifier: Apache-2.0
// What a cluster says of HTTP: the protocol that its hosts speak, and its options.
#pragma once

#include "proxy/config/cluster_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::cluster::v3 {
class Cluster;
}

namespace weir::config {

/// typed_extension_protocol_options, or the deprecated fields of the cluster when that is not
/// there.
void read_cluster_http(const envoy::config::cluster::v3::Cluster& proto,
                       const ParseContext& context, ClusterConfig& cluster);

}  // namespace weir::config
