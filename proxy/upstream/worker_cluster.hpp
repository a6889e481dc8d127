// SPDX-License-Identifier: Apache-2.0
// WorkerCluster: a cluster as one worker uses it: pick a host, count the connection against the
// limits.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "proxy/config/cluster_config.hpp"
#include "proxy/stats/blocks.hpp"
#include "proxy/tcp/end_reason.hpp"
#include "proxy/upstream/health_reports.hpp"
#include "proxy/upstream/host_set.hpp"
#include "proxy/upstream/limits.hpp"
#include "proxy/upstream/load_balancer.hpp"
#include "proxy/upstream/original_dst_hosts.hpp"

namespace weir::upstream {

/// What the workers share of one cluster. Made by the server, outlives the workers' parts.
struct SharedCluster {
  std::shared_ptr<const config::ClusterConfig> config;
  ClusterLimits limits;                            // what counts against the circuit breakers
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
  WorkerCluster(SharedCluster& shared, stats::LazyClusterStats& stats, unsigned worker,
                std::shared_ptr<const HostSet> hosts);

  [[nodiscard]] const config::ClusterConfig& config() const noexcept { return *shared_.config; }
  [[nodiscard]] stats::ClusterStats& stats() { return stats_.get(); }

  [[nodiscard]] const HostSet& hosts() const noexcept { return *hosts_; }
  /// The main thread's news of DNS, by message.
  void set_hosts(std::shared_ptr<const HostSet> hosts) { hosts_ = std::move(hosts); }

  /// `destination`: the restored original destination, if the connection has one. `previous`: the
  /// host that has just failed, to be avoided when there is another.
  PickResult pick(const std::optional<OriginalDestination>& destination, Random& random,
                  const Host* previous);
  /// For a retry: picks up to `attempts` times for a host that is not among `tried`; the last one
  /// picked when there was none.
  PickResult pick_untried(const std::optional<OriginalDestination>& destination, Random& random,
                          std::span<const Host* const> tried, std::uint32_t attempts);

  // What has become of a connect or a request to `host`: decides whether it is picked later.
  void report(const Host& host, Outcome outcome) const {
    if (hosts_->reports != nullptr) hosts_->reports->report(host, worker_, outcome);
  }
  void report_status(const Host& host, unsigned status) const {
    if (hosts_->reports != nullptr) hosts_->reports->report_status(host, worker_, status);
  }
  /// `host` sent x-envoy-immediate-health-check-fail.
  void fail_now(const Host& host) const {
    if (hosts_->reports != nullptr) hosts_->reports->fail_now(host);
  }

  // A place under a circuit breaker, over all workers. nullopt: the breaker is open; the caller
  // counts that.
  std::optional<LimitUse> take_pending_request(LimitPriority priority) noexcept {
    return LimitUse::take(shared_.limits[priority].pending_requests,
                          limits(priority).max_pending_requests);
  }
  std::optional<LimitUse> take_request(LimitPriority priority) noexcept {
    return LimitUse::take(shared_.limits[priority].requests, limits(priority).max_requests);
  }
  std::optional<LimitUse> take_retry(LimitPriority priority) noexcept {
    LimitCounts& counts = shared_.limits[priority];
    return LimitUse::take(counts.retries, retry_limit(limits(priority), counts));
  }
  [[nodiscard]] const config::CircuitBreakerConfig& limits(LimitPriority priority) const noexcept {
    return priority == LimitPriority::high ? config().high_limits : config().default_limits;
  }

  /// Who is told, on the worker, that a host has failed a check or was ejected.
  void set_on_host_failed(std::function<void(const Host&)> callback) {
    on_host_failed_ = std::move(callback);
  }
  void tell_host_failed(const Host& host) const {
    if (on_host_failed_) on_host_failed_(host);
  }

  // Whoever keeps a reference from turn to turn says so: the cluster may leave the configuration
  // meanwhile, and lives on until nobody does.
  void retain() noexcept { ++users_; }
  void release() noexcept { --users_; }
  [[nodiscard]] bool in_use() const noexcept { return users_ != 0; }

  /// Forgets original destinations without a connection since the last sweep. Call every
  /// cleanup_interval.
  void sweep();

 private:
  friend class UpstreamUse;
  /// The cluster at one priority.
  struct Share {
    WorkerCluster& cluster;
    std::atomic<std::uint32_t>& connections;
    LimitPriority priority;
  };
  struct KnownDestination {
    std::shared_ptr<const Host> host;
    bool used = true;
  };
  PickResult pick_original(const std::optional<OriginalDestination>& destination);
  PickResult found(std::shared_ptr<const Host> host);

  SharedCluster& shared_;
  stats::LazyClusterStats& stats_;
  const unsigned worker_;
  std::uint32_t users_ = 0;
  const std::array<Share, 2> shares_;  // by LimitPriority
  std::shared_ptr<const HostSet> hosts_;
  LoadBalancer balancer_;
  std::function<void(const Host&)> on_host_failed_;
  std::unordered_map<Endpoint, KnownDestination, EndpointHash>
      known_;  // discovery original_dst only
};

/// One upstream connection's place in its cluster's limit and in the counters of cluster and host.
class UpstreamUse {
 public:
  UpstreamUse() = default;
  UpstreamUse(UpstreamUse&& other) noexcept
      : share_(std::exchange(other.share_, nullptr)), host_(std::move(other.host_)) {}
  UpstreamUse& operator=(UpstreamUse&& other) noexcept {
    std::swap(share_, other.share_);
    std::swap(host_, other.host_);
    return *this;
  }
  ~UpstreamUse() { reset(); }

  /// nullopt: the cluster has as many connections as it may; upstream_cx_overflow is counted.
  static std::optional<UpstreamUse> take(WorkerCluster& cluster, std::shared_ptr<const Host> host,
                                         LimitPriority priority = LimitPriority::normal);
  /// Beyond the limit if need be (upstream_cx_overflow is counted then): a pool without any
  /// connection would have its requests wait for ever.
  static UpstreamUse take_anyway(WorkerCluster& cluster, std::shared_ptr<const Host> host,
                                 LimitPriority priority = LimitPriority::normal);
  void reset() noexcept;
  /// Gives the place back but keeps the host, for a pick that is to avoid it.
  std::shared_ptr<const Host> reset_keeping_host() noexcept;

  [[nodiscard]] WorkerCluster* cluster() const noexcept {
    return share_ != nullptr ? &share_->cluster : nullptr;
  }
  [[nodiscard]] const Host* host() const noexcept { return host_.get(); }
  void count_connect_failure() noexcept;

 private:
  UpstreamUse(const WorkerCluster::Share& share, std::shared_ptr<const Host> host);

  const WorkerCluster::Share* share_ = nullptr;  // one pointer for both: sessions are many
  std::shared_ptr<const Host> host_;
};

}  // namespace weir::upstream
