// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/cluster_manager.hpp"

#include <algorithm>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "common/log.hpp"
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

struct ClusterManager::Managed {
  std::shared_ptr<const config::ClusterConfig> config;
  stats::ClusterHostStats& stats;
  std::shared_ptr<const HostSet> hosts = std::make_shared<HostSet>();
  std::shared_ptr<const HostSet> found = hosts;  // EDS: before health has added those that left
  std::shared_ptr<ClusterHealth> health;         // null where not needed
  std::unique_ptr<DnsCluster> dns;
  std::unique_ptr<asio::steady_timer> first_endpoints;  // EDS: the time to wait for them
  std::function<void()> on_ready;
  bool warming = false;
  bool has_endpoints = false;  // EDS
};

ClusterManager::ClusterManager(asio::io_context& io, stats::StatsStore& stats, DnsOptions dns)
    : io_(io), stats_(stats), resolver_(io, std::move(dns)), random_(std::random_device{}()) {}

ClusterManager::~ClusterManager() { stop(); }

void ClusterManager::start(const std::shared_ptr<const config::Snapshot>& snapshot, Publish publish,
                           std::function<void()> on_initialized) {
  publish_ = std::move(publish);
  on_initialized_ = std::make_shared<std::function<void()>>(std::move(on_initialized));
  clusters_warming_ = 1;  // held until all are added: some are ready at once
  for (const auto& config : snapshot->clusters) add(config, false, nullptr);
  if (--clusters_warming_ == 0) post_initialized();
}

ClusterManager::Managed* ClusterManager::find(ClusterId id) {
  const auto found = clusters_.find(id);
  return found == clusters_.end() ? nullptr : found->second.get();
}

ClusterId ClusterManager::add(std::shared_ptr<const config::ClusterConfig> config, bool replaces,
                              std::function<void()> on_ready) {
  const ClusterId id = next_id_++;
  stats::ClusterHostStats& stats = stats_.cluster_hosts(config->stats_name());
  auto& place = clusters_[id];
  place.reset(new Managed{std::move(config), stats});
  Managed& cluster = *place;
  cluster.on_ready = std::move(on_ready);
  set_limits(stats.limits[stats::kDefaultPriority], cluster.config->default_limits);
  set_limits(stats.limits[stats::kHighPriority], cluster.config->high_limits);
  if (replaces) {
    stats_.cluster_manager().cluster_modified.add();
  } else {
    stats_.cluster_manager().cluster_added.add();
    stats_.cluster_manager().active_clusters.add();
  }
  add_health(id, cluster);
  find_first_hosts(id, cluster);
  return id;
}

void ClusterManager::find_first_hosts(ClusterId id, Managed& cluster) {
  const config::ClusterConfig& config = *cluster.config;
  begin_warming(cluster);
  if (config.discovery == config::DiscoveryType::static_hosts) {
    find_hosts(id, build_static_hosts(config, stats_.workers()));
    finish_when_checked(id);
    return;
  }
  publish_(id, cluster.hosts);
  if (config.discovery == config::DiscoveryType::eds) return wait_for_endpoints(id, cluster);
  if (!uses_dns(config) || config.endpoints.empty()) return finish(id);
  cluster.dns = std::make_unique<DnsCluster>(
      io_, resolver_, cluster.stats, cluster.config, stats_.workers(),
      static_cast<std::uint32_t>(random_()),
      [this, id](const std::shared_ptr<const HostSet>& hosts) { find_hosts(id, hosts); },
      [this, id] { finish_when_checked(id); });
  cluster.dns->start();
}

void ClusterManager::wait_for_endpoints(ClusterId id, Managed& cluster) {
  const auto timeout = cluster.config->eds_source
                           ? cluster.config->eds_source->initial_fetch_timeout
                           : config::ConfigSource{}.initial_fetch_timeout;
  if (timeout.count() == 0) return;
  cluster.first_endpoints = std::make_unique<asio::steady_timer>(io_, timeout);
  cluster.first_endpoints->async_wait(
      [this, id, alive = std::weak_ptr(alive_)](const std::error_code& error) {
        if (error || alive.expired()) return;
        Managed* const waiting = find(id);
        if (waiting == nullptr || waiting->has_endpoints) return;
        waiting->stats.init_fetch_timeout.add();
        log::warning(log::Component::upstream,
                     "cluster '{}': no endpoints have come in time; it begins without any",
                     waiting->config->name);
        finish(id);
      });
}

void ClusterManager::set_endpoints(ClusterId id,
                                   const std::vector<config::EndpointConfig>& endpoints) {
  Managed* const cluster = find(id);
  if (cluster == nullptr) return;
  std::vector<ResolvedEndpoint> resolved;
  resolved.reserve(endpoints.size());
  for (const config::EndpointConfig& endpoint : endpoints)
    if (const auto address = IpAddress::parse(endpoint.host))
      resolved.push_back({&endpoint, {*address}, false});
  auto fresh = build_dns_hosts(resolved, cluster->found, stats_.workers());
  const bool first = !std::exchange(cluster->has_endpoints, true);
  if (first) cluster->first_endpoints.reset();
  if (fresh != cluster->found) {
    cluster->found = fresh;
    find_hosts(id, fresh);
  } else if (!first) {
    cluster->stats.update_no_rebuild.add();
  }
  if (first) finish_when_checked(id);
}

void ClusterManager::add_health(ClusterId id, Managed& cluster) {
  if (!ClusterHealth::is_needed(*cluster.config)) return;
  cluster.health = std::make_shared<ClusterHealth>(
      io_, stats_, cluster.config, random_(),
      ClusterHealth::Callbacks{
          [this, id](std::shared_ptr<const HostSet> hosts) { replace_hosts(id, std::move(hosts)); },
          [this, id](const std::shared_ptr<const Host>& host) {
            if (on_host_failed_) on_host_failed_(id, host);
          }});
}

void ClusterManager::find_hosts(ClusterId id, const std::shared_ptr<const HostSet>& found) {
  if (const auto& health = find(id)->health; health != nullptr)
    health->set_hosts(*found);
  else
    replace_hosts(id, found);
}

void ClusterManager::replace_hosts(ClusterId id, std::shared_ptr<const HostSet> hosts) {
  Managed& cluster = *find(id);
  cluster.hosts = std::move(hosts);
  count_membership(cluster.stats, cluster.hosts->hosts);
  cluster.stats.membership_change.add();
  publish_(id, cluster.hosts);
}

void ClusterManager::begin_warming(Managed& cluster) {
  cluster.warming = true;
  ++clusters_warming_;
  stats_.cluster_manager().warming_clusters.add();
}

void ClusterManager::finish_when_checked(ClusterId id) {
  // Bounded by the check's timeout: a first check always ends.
  if (const auto& health = find(id)->health; health != nullptr)
    health->when_checked([this, id] { finish(id); });
  else
    finish(id);
}

void ClusterManager::finish(ClusterId id) {
  Managed* const cluster = find(id);
  if (cluster == nullptr) return;
  if (auto ready = std::exchange(cluster->on_ready, nullptr))
    asio::post(io_, [this, id, ready = std::move(ready), alive = std::weak_ptr(alive_)] {
      if (!alive.expired() && find(id) != nullptr) ready();
    });
  end_warming(*cluster);
}

void ClusterManager::end_warming(Managed& cluster) {
  if (!std::exchange(cluster.warming, false)) return;
  stats_.cluster_manager().warming_clusters.sub();
  if (--clusters_warming_ == 0) post_initialized();
}

void ClusterManager::remove(ClusterId id) {
  if (find(id) == nullptr) return;
  stats_.cluster_manager().cluster_removed.add();
  stats_.cluster_manager().active_clusters.sub();
  retire(id);
}

void ClusterManager::retire(ClusterId id) {
  const auto at = clusters_.find(id);
  if (at == clusters_.end()) return;
  const auto cluster = std::move(at->second);
  clusters_.erase(at);
  cluster->dns.reset();
  if (cluster->health != nullptr) cluster->health->stop();
  end_warming(*cluster);
}

const std::shared_ptr<const HostSet>& ClusterManager::hosts(ClusterId id) const {
  return clusters_.at(id)->hosts;
}

const OutlierDetector* ClusterManager::outliers(ClusterId id) const {
  const auto& health = clusters_.at(id)->health;
  return health != nullptr ? health->outliers() : nullptr;
}

std::vector<std::pair<std::string, std::string>> ClusterManager::warming() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [id, cluster] : clusters_) {
    if (!cluster->warming) continue;
    const bool eds = cluster->config->discovery == config::DiscoveryType::eds;
    found.emplace_back(cluster->config->name, eds && !cluster->has_endpoints ? "its endpoints"
                                              : cluster->hosts->hosts.empty() && cluster->dns
                                                  ? "the addresses of its names"
                                                  : "the first check of its hosts");
  }
  std::sort(found.begin(), found.end());
  return found;
}

void ClusterManager::post_initialized() {
  if (on_initialized_ == nullptr) return;
  initialized_posted_ = std::move(on_initialized_);
  // Held weakly: a manager that is gone or stopped by then tells nobody.
  asio::post(io_, [weak = std::weak_ptr(initialized_posted_)] {
    if (const auto callback = weak.lock()) (*callback)();
  });
}

void ClusterManager::stop() {
  on_initialized_.reset();
  initialized_posted_.reset();
  alive_ = std::make_shared<bool>(true);
  for (auto& [id, cluster] : clusters_) {
    cluster->dns.reset();
    cluster->first_endpoints.reset();
    if (cluster->health != nullptr) cluster->health->stop();
  }
}

}  // namespace weir::upstream
