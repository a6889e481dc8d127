// SPDX-License-Identifier: Apache-2.0
// ClusterManager: turns cluster configurations into HostSets and keeps the ones that change
// current.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proxy/config/snapshot.hpp"
#include "proxy/stats/stats_store.hpp"
#include "proxy/upstream/dns_resolver.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

class ClusterHealth;
class DnsCluster;
class OutlierDetector;

/// Names one version of a cluster: a cluster whose configuration changes becomes another one. Never
/// given twice.
using ClusterId = std::size_t;

/// Lives on the main thread. A Host that stays in its cluster stays the same object across updates
/// of its hosts.
class ClusterManager {
 public:
  /// Gets the hosts of a cluster: once from inside add(), again whenever they change. Never null.
  /// Clusters of type original_dst have an empty set.
  using Publish = std::function<void(ClusterId id, std::shared_ptr<const HostSet> hosts)>;

  /// Gets a host that has failed a check or was ejected: pools let go of it.
  using HostFailed = std::function<void(ClusterId id, std::shared_ptr<const Host> host)>;

  /// `io` and `stats` outlive the manager. `stats.workers()` sizes Host::stats.
  ClusterManager(asio::io_context& io, stats::StatsStore& stats, DnsOptions dns = {});
  ClusterManager(const ClusterManager&) = delete;
  ClusterManager& operator=(const ClusterManager&) = delete;
  ~ClusterManager();

  /// Before start().
  void set_on_host_failed(HostFailed callback) { on_host_failed_ = std::move(callback); }

  /// Call once. The clusters of the snapshot get the ids 0, 1, and so on, in their order.
  /// `on_initialized` is called once, from the event loop, when every DNS name was looked up, every
  /// EDS cluster has endpoints and every host was checked for the first time, successfully or not.
  void start(const std::shared_ptr<const config::Snapshot>& snapshot, Publish publish,
             std::function<void()> on_initialized);

  /// A cluster, or a new version of one (`replaces`: counted as modified). `on_ready` is called
  /// once, from the event loop, when it has warmed; not after it was removed.
  ClusterId add(std::shared_ptr<const config::ClusterConfig> config, bool replaces,
                std::function<void()> on_ready);
  /// The cluster has left the configuration.
  void remove(ClusterId id);
  /// A newer version has taken its place, or a version is given up before it was ready: not
  /// counted.
  void retire(ClusterId id);
  /// The endpoints of an EDS cluster, from now on. Hosts that stay are the same objects.
  void set_endpoints(ClusterId id, const std::vector<config::EndpointConfig>& endpoints);

  /// Stops refreshing; nothing is published any more. Destruction does the same. Not from inside a
  /// callback of this class.
  void stop();

  /// Current hosts of a cluster that was not removed. Never null.
  [[nodiscard]] const std::shared_ptr<const HostSet>& hosts(ClusterId id) const;

  /// Clusters that are not ready yet, and what they wait for.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> warming() const;

  /// nullptr: the cluster has no outlier detection.
  [[nodiscard]] const OutlierDetector* outliers(ClusterId id) const;

 private:
  struct Managed;
  void find_first_hosts(ClusterId id, Managed& cluster);
  void add_health(ClusterId id, Managed& cluster);
  void find_hosts(ClusterId id, const std::shared_ptr<const HostSet>& found);
  void replace_hosts(ClusterId id, std::shared_ptr<const HostSet> hosts);
  void begin_warming(Managed& cluster);
  void wait_for_endpoints(ClusterId id, Managed& cluster);
  void finish_when_checked(ClusterId id);
  void finish(ClusterId id);
  void end_warming(Managed& cluster);
  void post_initialized();
  [[nodiscard]] Managed* find(ClusterId id);

  asio::io_context& io_;
  stats::StatsStore& stats_;
  DnsResolver resolver_;
  std::minstd_rand random_;
  Publish publish_;
  std::shared_ptr<std::function<void()>> on_initialized_;  // null once it was posted
  std::shared_ptr<std::function<void()>> initialized_posted_;
  HostFailed on_host_failed_;
  std::size_t clusters_warming_ = 0;
  ClusterId next_id_ = 0;
  std::unordered_map<ClusterId, std::unique_ptr<Managed>> clusters_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weir::upstream
