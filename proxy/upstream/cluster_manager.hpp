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

class ClusterHealth;
class DnsCluster;
class OutlierDetector;

/// Lives on the main thread. A Host that stays in its cluster stays the same object across updates.
class ClusterManager {
 public:
  /// Gets the hosts of clusters[index] of the snapshot: once for every cluster from inside start(),
  /// again whenever they change. Never null. Clusters of type original_dst have an empty set.
  using Publish = std::function<void(std::size_t index, std::shared_ptr<const HostSet> hosts)>;

  /// Gets a host of clusters[index] that has failed a check or was ejected: pools let go of it.
  using HostFailed = std::function<void(std::size_t index, std::shared_ptr<const Host> host)>;

  /// `io` and `stats` outlive the manager. `stats.workers()` sizes Host::stats.
  ClusterManager(asio::io_context& io, stats::StatsStore& stats, DnsOptions dns = {});
  ClusterManager(const ClusterManager&) = delete;
  ClusterManager& operator=(const ClusterManager&) = delete;
  ~ClusterManager();

  /// Before start().
  void set_on_host_failed(HostFailed callback) { on_host_failed_ = std::move(callback); }

  /// Call once. `on_initialized` is called once, from the event loop, when every DNS name was
  /// looked up and every host was checked for the first time, successfully or not.
  void start(std::shared_ptr<const config::Snapshot> snapshot, Publish publish,
             std::function<void()> on_initialized);

  /// Stops refreshing; nothing is published any more. Destruction does the same. Not from inside a
  /// callback of this class.
  void stop();

  /// Current hosts of clusters[index]. Never null after start().
  [[nodiscard]] const std::shared_ptr<const HostSet>& hosts(std::size_t index) const {
    return hosts_[index];
  }

  /// nullptr: the cluster has no outlier detection.
  [[nodiscard]] const OutlierDetector* outliers(std::size_t index) const;

 private:
  void add_cluster(std::size_t index);
  void add_health(std::size_t index);
  void find_hosts(std::size_t index, const std::shared_ptr<const HostSet>& found);
  void replace_hosts(std::size_t index, std::shared_ptr<const HostSet> hosts);
  void begin_warming();
  void finish_when_checked(std::size_t index);
  void post_initialized();

  asio::io_context& io_;
  stats::StatsStore& stats_;
  DnsResolver resolver_;
  std::minstd_rand random_;
  std::shared_ptr<const config::Snapshot> snapshot_;
  Publish publish_;
  std::shared_ptr<std::function<void()>> on_initialized_;
  HostFailed on_host_failed_;
  std::size_t clusters_warming_ = 0;
  std::vector<std::shared_ptr<const HostSet>> hosts_;
  std::vector<std::unique_ptr<DnsCluster>> dns_clusters_;
  std::vector<std::shared_ptr<ClusterHealth>> health_;  // of each cluster; null where not needed
};

}  // namespace weir::upstream
