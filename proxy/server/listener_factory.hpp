// SPDX-License-Identifier: Apache-2.0
// Makes a version of a listener for one worker: its filters with clusters, logs and statistics
// resolved.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "proxy/server/worker.hpp"

namespace weir::server {

/// What filters are made with, besides their worker. All of it outlives them.
struct FilterSurroundings {
  stats::StatsStore& stats;
  filters::AccessLogLookup& access_logs;
  std::string service_cluster;  // node.cluster
  const std::atomic<bool>* health_check_failed = nullptr;
  filters::RouteTableLookup* route_tables = nullptr;
};

/// @param taken_over for each chain, the default one last: true leaves it null, to be taken over
/// from the version before. Empty = none.
/// Main thread; the result is for `worker`.
ListenerRef make_worker_listener(const std::shared_ptr<const listener::SharedListener>& shared,
                                 ListenerId id, const std::vector<bool>& taken_over, Worker& worker,
                                 const FilterSurroundings& around);

}  // namespace weir::server
