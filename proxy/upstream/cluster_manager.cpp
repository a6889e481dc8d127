// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/cluster_manager.hpp"

#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include "proxy/upstream/dns_cluster.hpp"
#include "proxy/upstream/health/cluster_health.hpp"
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

}  // namespace

ClusterManager::ClusterManager(asio::io_context& io, stats::StatsStore& stats, DnsOptions dns)
    : io_(io), stats_(stats), resolver_(io, std::move(dns)), random_(std::random_device{}()) {}

ClusterManager::~ClusterManager() { stop(); }

void ClusterManager::start(std::shared_ptr<const config::Snapshot> snapshot, Publish publish,
                           std::function<void()> on_initialized) {
  snapshot_ = std::move(snapshot);
  publish_ = std::move(publish);
  on_initialized_ = std::make_shared<std::function<void()>>(std::move(on_initialized));
  const auto& clusters = snapshot_->clusters;
  hosts_.assign(clusters.size(), std::make_shared<HostSet>());
  health_.resize(clusters.size());
  clusters_warming_ = 1;  // held until all are added: some are ready at once
  for (std::size_t i = 0; i < clusters.size(); ++i) add_cluster(i);
  for (const auto& cluster : dns_clusters_) cluster->start();
  if (--clusters_warming_ == 0) post_initialized();
}

void ClusterManager::add_cluster(std::size_t index) {
  const auto& config = snapshot_->clusters[index];
  stats::ClusterHostStats& stats = stats_.cluster_hosts(config->stats_name());
  set_limits(stats.limits[stats::kDefaultPriority], config->default_limits);
  set_limits(stats.limits[stats::kHighPriority], config->high_limits);
  stats_.cluster_manager().cluster_added.add();
  stats_.cluster_manager().active_clusters.add();
  add_health(index);
  if (config->discovery == config::DiscoveryType::static_hosts) {
    begin_warming();
    find_hosts(index, build_static_hosts(*config, stats_.workers()));
    finish_when_checked(index);
    return;
  }
  publish_(index, hosts_[index]);
  if (!uses_dns(*config) || config->endpoints.empty()) return;
  begin_warming();
  dns_clusters_.push_back(std::make_unique<DnsCluster>(
      io_, resolver_, stats, config, stats_.workers(), static_cast<std::uint32_t>(random_()),
      [this, index](const std::shared_ptr<const HostSet>& hosts) { find_hosts(index, hosts); },
      [this, index] { finish_when_checked(index); }));
}

void ClusterManager::add_health(std::size_t index) {
  const auto& config = snapshot_->clusters[index];
  if (!ClusterHealth::is_needed(*config)) return;
  health_[index] = std::make_shared<ClusterHealth>(
      io_, stats_, config, random_(),
      ClusterHealth::Callbacks{[this, index](std::shared_ptr<const HostSet> hosts) {
                                 replace_hosts(index, std::move(hosts));
                               },
                               [this, index](const std::shared_ptr<const Host>& host) {
                                 if (on_host_failed_) on_host_failed_(index, host);
                               }});
}

void ClusterManager::find_hosts(std::size_t index, const std::shared_ptr<const HostSet>& found) {
  if (health_[index] != nullptr)
    health_[index]->set_hosts(*found);
  else
    replace_hosts(index, found);
}

void ClusterManager::replace_hosts(std::size_t index, std::shared_ptr<const HostSet> hosts) {
  hosts_[index] = std::move(hosts);
  auto& stats = stats_.cluster_hosts(snapshot_->clusters[index]->stats_name());
  count_membership(stats, hosts_[index]->hosts);
  stats.membership_change.add();
  publish_(index, hosts_[index]);
}

void ClusterManager::begin_warming() {
  ++clusters_warming_;
  stats_.cluster_manager().warming_clusters.add();
}

void ClusterManager::finish_when_checked(std::size_t index) {
  const auto finish = [this] {
    stats_.cluster_manager().warming_clusters.sub();
    if (--clusters_warming_ == 0) post_initialized();
  };
  // Bounded by the check's timeout: a first check always ends.
  if (health_[index] != nullptr)
    health_[index]->when_checked(finish);
  else
    finish();
}

const OutlierDetector* ClusterManager::outliers(std::size_t index) const {
  return health_[index] != nullptr ? health_[index]->outliers() : nullptr;
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
  for (const auto& health : health_)
    if (health != nullptr) health->stop();
}

}  // namespace weir::upstream
