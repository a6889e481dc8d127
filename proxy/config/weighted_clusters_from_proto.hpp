// SPDX-License-Identifier: Apache-2.0
// route.v3.WeightedCluster into its narrow type.
#pragma once

#include "proxy/config/filter_registry.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/route/route_config.hpp"

namespace envoy::config::route::v3 {
class WeightedCluster;
}

namespace weir::config {

/// Sets `action.weighted` and `action.total_weight`.
void read_weighted_clusters(const envoy::config::route::v3::WeightedCluster& proto,
                            const FilterRegistry& registry, const ParseContext& context,
                            route::ForwardAction& action);

}  // namespace weir::config
