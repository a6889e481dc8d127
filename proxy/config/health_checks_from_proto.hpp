// SPDX-License-Identifier: Apache-2.0
// Active and passive checks of a cluster's hosts into narrow types.
#pragma once

#include "proxy/config/cluster_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::cluster::v3 {
class Cluster;
class OutlierDetection;
}  // namespace envoy::config::cluster::v3
namespace envoy::config::core::v3 {
class HealthCheck;
}

namespace weir::config {

HealthCheckConfig health_check_from_proto(const envoy::config::core::v3::HealthCheck& proto,
                                          const ParseContext& context);

OutlierDetectionConfig outlier_detection_from_proto(
    const envoy::config::cluster::v3::OutlierDetection& proto, const ParseContext& context);

/// health_checks, outlier_detection and what goes with them; after the protocol is known.
void read_cluster_health(const envoy::config::cluster::v3::Cluster& proto,
                         const ParseContext& context, ClusterConfig& cluster);

}  // namespace weir::config
