// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/cluster_manager.hpp"

#include <algorithm>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include "proxy/upstream/dns_cluster.hpp"
#include "proxy/upstream/host_set_builder.hpp"

namespace weir::upstream {
namespace {

bool uses_dns(const config::ClusterConfig& cluster) {
  return cluster.discovery == config::DiscoveryType::strict_dns ||
         cluster.discovery == config::DiscoveryType::logical_dns;
}

void set_limits(stats::ClusterHostStats::Limits& limits,
                const config::CircuitBreakerConfig& config) {
  limits.connections.set(config.max_connections);
  limits.pending.set(config.max_pending_requests);
  limits.requests.set(config.max_requests);
  limits.retries.set(config.max_retries);
}

void set_membership(stats::ClusterHostStats& stats, const HostSet& set) {
  std::int64_t healthy = 0;
  std::uint32_t max_weight = 0;
  for (const auto& host : set.hosts) {
    healthy += host->healthy ? 1 : 0;
    max_weight = std::max(max_weight, host->weight);
  }
  stats.membership_total.set(static_cast<std::int64_t>(set.hosts.size()));
  stats.membership_healthy.set(healthy);
  stats.max_host_weight.set(max_weight);
  stats.membership_change.add();
}

}  // namespace

ClusterManager::ClusterManager(asio::io_context& io, stats::StatsStore& stats, DnsOptions dns)
    : io_(io), stats_(stats), resolver_(io, std::move(dns)), random_(std::random_device{}()) {}

ClusterManager::~ClusterManager() = default;

void ClusterManager::start(std::shared_ptr<const config::Snapshot> snapshot, Publish publish,
                           std::function<void()> on_initialized) {
  snapshot_ = std::move(snapshot);
  publish_ = std::move(publish);
  on_initialized_ = std::make_shared<std::function<void()>>(std::move(on_initialized));
  const auto& clusters = snapshot_->clusters;
  hosts_.assign(clusters.size(), std::make_shared<HostSet>());
  for (std::size_t i = 0; i < clusters.size(); ++i) add_cluster(i);
  for (const auto& cluster : dns_clusters_) cluster->start();
  if (clusters_warming_ == 0) post_initialized();
}

void ClusterManager::add_cluster(std::size_t index) {
  const auto& config = snapshot_->clusters[index];
  stats::ClusterHostStats& stats = stats_.cluster_hosts(config->stats_name());
  set_limits(stats.limits[stats::kDefaultPriority], config->default_limits);
  set_limits(stats.limits[stats::kHighPriority], config->high_limits);
  stats_.cluster_manager().cluster_added.add();
  stats_.cluster_manager().active_clusters.add();
  if (config->discovery == config::DiscoveryType::static_hosts) {
    replace_hosts(index, build_static_hosts(*config, stats_.workers()));
    return;
  }
  publish_(index, hosts_[index]);
  if (!uses_dns(*config) || config->endpoints.empty()) return;
  ++clusters_warming_;
  stats_.cluster_manager().warming_clusters.add();
  dns_clusters_.push_back(std::make_unique<DnsCluster>(
      io_, resolver_, stats, config, stats_.workers(), static_cast<std::uint32_t>(random_()),
      [this, index](std::shared_ptr<const HostSet> hosts) {
        replace_hosts(index, std::move(hosts));
      },
      [this] { finish_first_round(); }));
}

void ClusterManager::replace_hosts(std::size_t index, std::shared_ptr<const HostSet> hosts) {
  hosts_[index] = std::move(hosts);
  set_membership(stats_.cluster_hosts(snapshot_->clusters[index]->stats_name()), *hosts_[index]);
  publish_(index, hosts_[index]);
}

void ClusterManager::finish_first_round() {
  stats_.cluster_manager().warming_clusters.sub();
  if (--clusters_warming_ == 0) post_initialized();
}

void ClusterManager::post_initialized() {
  // Held weakly: a manager that is gone or stopped by then tells nobody.
  asio::post(io_, [weak = std::weak_ptr(on_initialized_)] {
    if (const auto callback = weak.lock()) (*callback)();
  });
}

void ClusterManager::stop() {
  on_initialized_.reset();
  dns_clusters_.clear();
}

}  // namespace weir::upstream
