// SPDX-License-Identifier: Apache-2.0
// WorkerClusters: the clusters that are in force on one worker, by name.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/http_client/cluster_pool.hpp"
#include "proxy/stats/stats_store.hpp"
#include "proxy/upstream/cluster_manager.hpp"
#include "proxy/upstream/worker_cluster.hpp"

namespace weir::server {

/// One version of a cluster on one worker. Made on the main thread, then used on the worker's only.
struct WorkerClusterEntry {
  WorkerClusterEntry(upstream::ClusterId cluster_id, std::shared_ptr<upstream::SharedCluster> part,
                     stats::StatsStore& stats, filters::WorkerContext& worker,
                     std::shared_ptr<const upstream::HostSet> hosts)
      : id(cluster_id),
        shared(std::move(part)),
        cluster(*shared, stats.cluster(shared->config->stats_name(), worker.worker), worker.worker,
                std::move(hosts)),
        pool(worker.http_client, cluster) {}

  const upstream::ClusterId id;
  const std::shared_ptr<upstream::SharedCluster> shared;
  upstream::WorkerCluster cluster;
  http_client::ClusterPool pool;
};

/// Worker thread only. A version that has left is kept until nobody uses it; its idle connections
/// close at once, its busy ones after what they are doing.
class WorkerClusters final : public filters::ClusterLookup {
 public:
  upstream::WorkerCluster* find_cluster(std::string_view name) override;
  http_client::ClusterPool* find_pool(std::string_view name) override;

  /// In the place of the version that has the name so far.
  void put(std::unique_ptr<WorkerClusterEntry> entry);
  /// No effect when that version has left already; so the others.
  void remove(upstream::ClusterId id);
  void set_hosts(upstream::ClusterId id, std::shared_ptr<const upstream::HostSet> hosts);
  [[nodiscard]] upstream::WorkerCluster* find(upstream::ClusterId id);

  void sweep_original_destinations();
  /// At the end of a turn: destroys what has left and is not used any more.
  void collect();

 private:
  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  [[nodiscard]] WorkerClusterEntry* entry_of(std::string_view name);
  void retire(std::unique_ptr<WorkerClusterEntry> entry);

  std::unordered_map<std::string, std::unique_ptr<WorkerClusterEntry>, NameHash, std::equal_to<>>
      by_name_;
  std::unordered_map<upstream::ClusterId, WorkerClusterEntry*> by_id_;
  std::vector<std::unique_ptr<WorkerClusterEntry>> retired_;
};

}  // namespace weir::server
