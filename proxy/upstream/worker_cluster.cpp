// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/worker_cluster.hpp"

namespace weir::upstream {

WorkerCluster::WorkerCluster(SharedCluster& shared, stats::ClusterStats& stats, unsigned worker,
                             std::shared_ptr<const HostSet> hosts)
    : shared_(shared),
      stats_(stats),
      worker_(worker),
      hosts_(std::move(hosts)),
      balancer_(shared.config->lb_policy, shared.config->least_request_choices, worker,
                shared.config->locality_weighted) {}

PickResult WorkerCluster::pick(const std::optional<OriginalDestination>& destination,
                               Random& random, const Host* previous) {
  if (config().discovery == config::DiscoveryType::original_dst) {
    if (destination) return pick_original(*destination);
    stats_.upstream_cx_none_healthy.add();
    return {nullptr, tcp::EndReason::no_original_destination};
  }
  if (auto host = balancer_.pick(hosts_, random, previous)) return {std::move(host), {}};
  stats_.upstream_cx_none_healthy.add();
  return {nullptr, tcp::EndReason::no_healthy_upstream};
}

PickResult WorkerCluster::pick_original(const OriginalDestination& destination) {
  UpstreamAddress address{destination.endpoint};
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
                                             std::shared_ptr<const Host> host, bool in_any_case) {
  const std::uint32_t limit = cluster.config().default_limits.max_connections;
  if (cluster.shared_.connections.fetch_add(1, std::memory_order_relaxed) >= limit) {
    cluster.stats_.upstream_cx_overflow.add();
    if (!in_any_case) {
      cluster.shared_.connections.fetch_sub(1, std::memory_order_relaxed);
      return std::nullopt;
    }
  }
  cluster.stats_.upstream_cx_total.add();
  cluster.stats_.upstream_cx_active.add();
  host->stats[cluster.worker_].cx_total.add();
  host->stats[cluster.worker_].cx_active.add();
  UpstreamUse use;
  use.cluster_ = &cluster;
  use.host_ = std::move(host);
  return use;
}

void UpstreamUse::reset() noexcept {
  if (cluster_ == nullptr) return;
  cluster_->shared_.connections.fetch_sub(1, std::memory_order_relaxed);
  cluster_->stats_.upstream_cx_active.sub();
  cluster_->stats_.upstream_cx_destroy.add();
  host_->stats[cluster_->worker_].cx_active.sub();
  cluster_ = nullptr;
  host_.reset();
}

std::shared_ptr<const Host> UpstreamUse::reset_keeping_host() noexcept {
  auto host = host_;
  reset();
  return host;
}

void UpstreamUse::count_connect_failure() noexcept {
  cluster_->stats_.upstream_cx_connect_fail.add();
  host_->stats[cluster_->worker_].cx_connect_fail.add();
}

}  // namespace weir::upstream
