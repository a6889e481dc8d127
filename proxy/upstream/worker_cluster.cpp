// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/worker_cluster.hpp"

namespace weir::upstream {

WorkerCluster::WorkerCluster(SharedCluster& shared, stats::LazyClusterStats& stats, unsigned worker,
                             std::shared_ptr<const HostSet> hosts)
    : shared_(shared),
      stats_(stats),
      worker_(worker),
      shares_{{{*this, shared.limits[LimitPriority::normal].connections, LimitPriority::normal},
               {*this, shared.limits[LimitPriority::high].connections, LimitPriority::high}}},
      hosts_(std::move(hosts)),
      balancer_(shared.config->lb_policy, shared.config->least_request_choices, worker,
                shared.config->locality_weighted, shared.config->panic_threshold) {}

PickResult WorkerCluster::pick(const std::optional<OriginalDestination>& destination,
                               Random& random, const Host* previous) {
  if (config().discovery == config::DiscoveryType::original_dst) return pick_original(destination);
  return found(balancer_.pick(hosts_, random, previous));
}

PickResult WorkerCluster::pick_untried(const std::optional<OriginalDestination>& destination,
                                       Random& random, std::span<const Host* const> tried,
                                       std::uint32_t attempts) {
  if (config().discovery == config::DiscoveryType::original_dst) return pick_original(destination);
  return found(balancer_.pick_untried(hosts_, random, tried, attempts));
}

PickResult WorkerCluster::found(std::shared_ptr<const Host> host) {
  if (balancer_.panicked()) stats_.get().lb_healthy_panic.add();
  if (host != nullptr) return {std::move(host), {}};
  stats_.get().upstream_cx_none_healthy.add();
  return {nullptr, tcp::EndReason::no_healthy_upstream};
}

PickResult WorkerCluster::pick_original(const std::optional<OriginalDestination>& destination) {
  if (!destination) {
    stats_.get().upstream_cx_none_healthy.add();
    return {nullptr, tcp::EndReason::no_original_destination};
  }
  UpstreamAddress address{destination->endpoint};
  if (config().upstream_port_override) address.endpoint.port = *config().upstream_port_override;
  auto [at, added] = known_.try_emplace(address.endpoint);
  if (added) at->second.host = shared_.original_dst->host(address);
  at->second.used = true;
  return {at->second.host, {}};
}

void WorkerCluster::sweep() {
  if (shared_.original_dst == nullptr) return;
  for (auto at = known_.begin(); at != known_.end();) {
    const bool used = std::exchange(at->second.used, false);
    const bool idle = at->second.host->stats[worker_].cx_active.value() == 0;
    at = !used && idle ? known_.erase(at) : std::next(at);
  }
  shared_.original_dst->sweep();
}

std::optional<UpstreamUse> UpstreamUse::take(WorkerCluster& cluster,
                                             std::shared_ptr<const Host> host,
                                             LimitPriority priority) {
  const auto& share = cluster.shares_[static_cast<std::size_t>(priority)];
  if (!take_place(share.connections, cluster.limits(priority).max_connections)) {
    cluster.stats_.get().upstream_cx_overflow.add();
    return std::nullopt;
  }
  return UpstreamUse(share, std::move(host));
}

UpstreamUse UpstreamUse::take_anyway(WorkerCluster& cluster, std::shared_ptr<const Host> host,
                                     LimitPriority priority) {
  const auto& share = cluster.shares_[static_cast<std::size_t>(priority)];
  if (!take_place(share.connections, cluster.limits(priority).max_connections)) {
    share.connections.fetch_add(1, std::memory_order_relaxed);
    cluster.stats_.get().upstream_cx_overflow.add();
  }
  return UpstreamUse(share, std::move(host));
}

UpstreamUse::UpstreamUse(const WorkerCluster::Share& share, std::shared_ptr<const Host> host)
    : share_(&share), host_(std::move(host)) {
  share.cluster.retain();
  stats::ClusterStats& stats = share.cluster.stats();
  stats.upstream_cx_total.add();
  stats.upstream_cx_active.add();
  // Those of the other priority are what is left.
  if (share.priority == LimitPriority::high)
    stats.requests.get().connections[stats::kHighPriority].add();
  host_->stats[share.cluster.worker_].cx_total.add();
  host_->stats[share.cluster.worker_].cx_active.add();
}

void UpstreamUse::reset() noexcept {
  if (share_ == nullptr) return;
  share_->connections.fetch_sub(1, std::memory_order_relaxed);
  WorkerCluster& cluster = share_->cluster;
  stats::ClusterStats& stats = cluster.stats();
  stats.upstream_cx_active.sub();
  if (share_->priority == LimitPriority::high)
    stats.requests.get().connections[stats::kHighPriority].sub();
  stats.upstream_cx_destroy.add();
  host_->stats[cluster.worker_].cx_active.sub();
  cluster.release();
  share_ = nullptr;
  host_.reset();
}

std::shared_ptr<const Host> UpstreamUse::reset_keeping_host() noexcept {
  auto host = host_;
  reset();
  return host;
}

void UpstreamUse::count_connect_failure() noexcept {
  share_->cluster.stats_.get().upstream_cx_connect_fail.add();
  host_->stats[share_->cluster.worker_].cx_connect_fail.add();
}

}  // namespace weir::upstream
