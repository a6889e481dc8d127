// SPDX-License-Identifier: Apache-2.0
// RuntimeConfig: what all workers share of one Snapshot: compiled matchers, hand-off table, cluster
// limits.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "proxy/config/snapshot.hpp"
#include "proxy/listener/filter_chain_matcher.hpp"
#include "proxy/listener/handoff.hpp"
#include "proxy/upstream/worker_cluster.hpp"

namespace weir::server {

/// Immutable but for the counters in `clusters`. Outlives every worker's part of it.
struct RuntimeConfig {
  std::shared_ptr<const config::Snapshot> snapshot;
  std::vector<listener::FilterChainMatcher> matchers;  // one per listener
  listener::HandoffTable handoff;
  std::deque<std::atomic<std::uint32_t>> listener_connections;  // one per listener
  std::deque<upstream::SharedCluster> clusters;  // one per cluster; not movable, hence a deque
  const std::atomic<bool>* health_check_failed = nullptr;  // the server's, for filters

  /// Error: Envoy's text for filter chains that cannot be told apart.
  static Result<std::unique_ptr<RuntimeConfig>> build(
      std::shared_ptr<const config::Snapshot> snapshot, unsigned workers);
};

}  // namespace weir::server
