// SPDX-License-Identifier: Apache-2.0
// cluster.v3.Cluster into ClusterConfig.
#pragma once

#include "proxy/config/cluster_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::cluster::v3 {
class Cluster;
}

namespace weir::config {

/// Reports every problem; the result is meaningful only when there was none.
ClusterConfig cluster_from_proto(const envoy::config::cluster::v3::Cluster& proto,
                                 const ParseContext& context);

}  // namespace weir::config
