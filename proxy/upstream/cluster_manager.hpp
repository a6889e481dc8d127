// SPDX-License-Identifier: Apache-2.0
// ClusterManager: turns cluster configurations into HostSets and keeps the DNS ones current.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "proxy/config/snapshot.hpp"
#include "proxy/stats/stats_store.hpp"
#include "proxy/upstream/dns_resolver.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

class DnsCluster;

/// Lives on the main thread. A Host that stays in its cluster stays the same object across updates.
class ClusterManager {
 public:
  /// Gets the hosts of clusters[index] of the snapshot: once for every cluster from inside start(),
  /// again whenever they change. Never null. Clusters of type original_dst have an empty set.
  using Publish = std::function<void(std::size_t index, std::shared_ptr<const HostSet> hosts)>;

  /// `io` and `stats` outlive the manager. `stats.workers()` sizes Host::stats.
  ClusterManager(asio::io_context& io, stats::StatsStore& stats, DnsOptions dns = {});
  ClusterManager(const ClusterManager&) = delete;
  ClusterManager& operator=(const ClusterManager&) = delete;
  ~ClusterManager();

  /// Call once. `on_initialized` is called once, from the event loop, when every DNS name was
  /// looked up for the first time, successfully or not.
  void start(std::shared_ptr<const config::Snapshot> snapshot, Publish publish,
             std::function<void()> on_initialized);

  /// Stops refreshing; nothing is published any more. Destruction does the same. Not from inside a
  /// callback of this class.
  void stop();

  /// Current hosts of clusters[index]. Never null after start().
  [[nodiscard]] const std::shared_ptr<const HostSet>& hosts(std::size_t index) const {
    return hosts_[index];
  }

 private:
  void add_cluster(std::size_t index);
  void replace_hosts(std::size_t index, std::shared_ptr<const HostSet> hosts);
  void finish_first_round();
  void post_initialized();

  asio::io_context& io_;
  stats::StatsStore& stats_;
  DnsResolver resolver_;
  std::minstd_rand random_;
  std::shared_ptr<const config::Snapshot> snapshot_;
  Publish publish_;
  std::shared_ptr<std::function<void()>> on_initialized_;
  std::size_t clusters_warming_ = 0;
  std::vector<std::shared_ptr<const HostSet>> hosts_;
  std::vector<std::unique_ptr<DnsCluster>> dns_clusters_;
};

}  // namespace weir::upstream
