// SPDX-License-Identifier: Apache-2.0
// What the statistics say of clusters.
#pragma once

#include "proxy/stats/metric_list.hpp"

namespace weir::stats {

/// cluster.<name>.* of every cluster.
void add_clusters(MetricList& list, const StatsStore& store);

}  // namespace weir::stats
