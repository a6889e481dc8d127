// SPDX-License-Identifier: Apache-2.0
// ClusterDirectory: which version of each cluster the workers use, and which one is on its way.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/server/worker.hpp"
#include "proxy/upstream/cluster_manager.hpp"

namespace weir::server {

/// Main thread. A new version warms while the one before serves, and takes its place when it is
/// ready.
class ClusterDirectory {
 public:
  using Clusters = std::vector<std::shared_ptr<const config::ClusterConfig>>;
  using Workers = std::vector<std::unique_ptr<Worker>>;

  /// One cluster as the workers use it.
  struct Active {
    std::shared_ptr<const config::ClusterConfig> config;
    upstream::ClusterId id = 0;
    std::shared_ptr<upstream::SharedCluster> shared;
  };

  ClusterDirectory(upstream::ClusterManager& manager, stats::StatsStore& stats,
                   const Workers& workers)
      : manager_(manager), stats_(stats), workers_(workers) {}

  /// Once: the workers get all of them at once, warm or not, since nothing is served before the
  /// clusters are initialized. `hosts`: what the manager has published is passed on from here.
  void start(const std::shared_ptr<const config::Snapshot>& snapshot,
             std::function<void()> on_initialized);

  /// New and changed clusters begin to warm; nothing is removed yet. `on_warm` is called when no
  /// cluster of `wanted` warms any more: at once, or from the event loop. A later call replaces it.
  void update(const Clusters& wanted, std::function<void()> on_warm);
  /// Takes away every cluster whose name `wanted` does not have.
  void remove_others(const Clusters& wanted);

  /// New endpoints of the EDS cluster, both of its versions. No effect for others.
  void set_endpoints(std::string_view name, const std::vector<config::EndpointConfig>& endpoints);

  /// Told whenever one has warmed and others have not.
  void set_on_progress(std::function<void()> callback) { on_progress_ = std::move(callback); }

  void set_on_hosts_changed(std::function<void(upstream::ClusterId)> callback) {
    on_hosts_changed_ = std::move(callback);
  }

  [[nodiscard]] const Active* find(std::string_view name) const;
  [[nodiscard]] bool is_warming() const noexcept { return !warming_.empty(); }

 private:
  struct Warming {
    std::shared_ptr<const config::ClusterConfig> config;
    upstream::ClusterId id = 0;
  };
  void activate(const std::string& name, const Warming& ready);
  void warmed(const std::string& name, upstream::ClusterId id);
  void stop_warming_others(const Clusters& wanted);
  void tell_if_warm();

  upstream::ClusterManager& manager_;
  stats::StatsStore& stats_;
  const Workers& workers_;
  std::unordered_map<std::string, Active> active_;
  std::unordered_map<std::string, Warming> warming_;
  std::function<void()> on_warm_;
  std::function<void()> on_progress_;
  std::function<void(upstream::ClusterId)> on_hosts_changed_;
};

}  // namespace weir::server
