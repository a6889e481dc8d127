// SPDX-License-Identifier: Apache-2.0
// WorkerCluster: a cluster as one worker uses it: pick a host, count the connection against the
// limits.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "proxy/config/cluster_config.hpp"
#include "proxy/stats/blocks.hpp"
#include "proxy/tcp/end_reason.hpp"
#include "proxy/upstream/host_set.hpp"
#include "proxy/upstream/load_balancer.hpp"
#include "proxy/upstream/original_dst_hosts.hpp"

namespace weir::upstream {

/// What the workers share of one cluster. Made by the server, outlives the workers' parts.
struct SharedCluster {
  std::shared_ptr<const config::ClusterConfig> config;
  std::atomic<std::uint32_t> connections{0};       // against circuit_breakers.max_connections
  std::unique_ptr<OriginalDstHosts> original_dst;  // discovery original_dst only
};

/// A host to dial, or why there is none.
struct PickResult {
  std::shared_ptr<const Host> host;
  tcp::EndReason failure = tcp::EndReason::no_healthy_upstream;  // meaningful without a host
};

/// Worker thread only, except where said.
class WorkerCluster {
 public:
  WorkerCluster(SharedCluster& shared, stats::ClusterStats& stats, unsigned worker,
                std::shared_ptr<const HostSet> hosts);

  [[nodiscard]] const config::ClusterConfig& config() const noexcept { return *shared_.config; }
  [[nodiscard]] stats::ClusterStats& stats() noexcept { return stats_; }

  /// The main thread's news of DNS, by message.
  void set_hosts(std::shared_ptr<const HostSet> hosts) { hosts_ = std::move(hosts); }

  /// `destination`: the restored original destination, if the connection has one. `previous`: the
  /// host that has just failed, to be avoided when there is another.
  PickResult pick(const std::optional<OriginalDestination>& destination, Random& random,
                  const Host* previous);

  /// Forgets original destinations without a connection since the last sweep. Call every
  /// cleanup_interval.
  void sweep();

 private:
  friend class UpstreamUse;
  struct KnownDestination {
    std::shared_ptr<const Host> host;
    bool used = true;
  };
  PickResult pick_original(const OriginalDestination& destination);

  SharedCluster& shared_;
  stats::ClusterStats& stats_;
  const unsigned worker_;
  std::shared_ptr<const HostSet> hosts_;
  LoadBalancer balancer_;
  std::unordered_map<Endpoint, KnownDestination, EndpointHash>
      known_;  // discovery original_dst only
};

/// One upstream connection's place in its cluster's limit and in the counters of cluster and host.
class UpstreamUse {
 public:
  UpstreamUse() = default;
  UpstreamUse(UpstreamUse&& other) noexcept
      : cluster_(std::exchange(other.cluster_, nullptr)), host_(std::move(other.host_)) {}
  UpstreamUse& operator=(UpstreamUse&& other) noexcept {
    std::swap(cluster_, other.cluster_);
    std::swap(host_, other.host_);
    return *this;
  }
  ~UpstreamUse() { reset(); }

  /// nullopt: the cluster has as many connections as it may; upstream_cx_overflow is counted.
  /// `in_any_case`: it is counted, but the place is given.
  static std::optional<UpstreamUse> take(WorkerCluster& cluster, std::shared_ptr<const Host> host,
                                         bool in_any_case = false);
  void reset() noexcept;
  /// Gives the place back but keeps the host, for a pick that is to avoid it.
  std::shared_ptr<const Host> reset_keeping_host() noexcept;

  [[nodiscard]] WorkerCluster* cluster() const noexcept { return cluster_; }
  [[nodiscard]] const Host* host() const noexcept { return host_.get(); }
  void count_connect_failure() noexcept;

 private:
  WorkerCluster* cluster_ = nullptr;
  std::shared_ptr<const Host> host_;
};

}  // namespace weir::upstream
