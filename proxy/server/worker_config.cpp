// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/worker_config.hpp"

#include <cassert>

namespace weir::server {
namespace {

std::unique_ptr<filters::NetworkFilterInstance> instance_of(const config::FilterChainConfig& chain,
                                                            filters::InstanceContext& context) {
  if (chain.filters.empty()) return nullptr;
  // The registry makes nothing but NetworkFilters; the configuration layer only cannot name them.
  const auto* filter = dynamic_cast<const filters::NetworkFilter*>(chain.filters.back().get());
  assert(filter != nullptr);
  return filter->instantiate(context);
}

}  // namespace

WorkerConfig::WorkerConfig(std::shared_ptr<RuntimeConfig> runtime, filters::WorkerContext& worker,
                           stats::StatsStore& stats, filters::AccessLogLookup& access_logs,
                           const std::vector<std::shared_ptr<const upstream::HostSet>>& hosts)
    : runtime_(std::move(runtime)), intake_(worker, listeners_, runtime_->handoff) {
  for (std::size_t i = 0; i < runtime_->clusters.size(); ++i) {
    upstream::SharedCluster& shared = runtime_->clusters[i];
    clusters_.emplace_back(shared, stats.cluster(shared.config->stats_name(), worker.worker),
                           worker.worker, hosts[i]);
    pools_.emplace_back(worker.http_client, clusters_.back());
  }
  for (std::size_t i = 0; i < runtime_->snapshot->listeners.size(); ++i)
    add_listener(i, worker, stats, access_logs);
}

void WorkerConfig::add_listener(std::size_t index, filters::WorkerContext& worker,
                                stats::StatsStore& stats, filters::AccessLogLookup& access_logs) {
  const config::ListenerConfig& config = *runtime_->snapshot->listeners[index];
  listener::WorkerListener& listener = listeners_.emplace_back();
  listener.runtime.index = index;
  listener.runtime.config = &config;
  listener.runtime.stats = &stats.listener(config.stats_name(), worker.worker);
  listener.runtime.owner = this;
  if (config.connection_limit)
    listener.runtime.connections = &runtime_->listener_connections[index];
  for (const auto& log : config.access_logs)
    listener.runtime.access_logs.push_back(access_logs.find_access_log(log));
  listener.matcher = &runtime_->matchers[index];
  filters::InstanceContext context{worker,
                                   &config,
                                   stats,
                                   *this,
                                   access_logs,
                                   runtime_->snapshot->node.cluster,
                                   runtime_->health_check_failed};
  for (const auto& entry : config.listener_filters) {
    const auto* filter = dynamic_cast<const filters::ListenerFilter*>(entry.filter.get());
    assert(filter != nullptr);
    listener.listener_filters.push_back(
        {filter->instantiate(context), entry.disabled ? &*entry.disabled : nullptr});
  }
  for (const auto& chain : config.filter_chains)
    listener.chains.push_back(instance_of(chain, context));
  listener.chains.push_back(
      config.default_filter_chain ? instance_of(*config.default_filter_chain, context) : nullptr);
  const bool restores_first =
      !config.listener_filters.empty() && !config.listener_filters.front().disabled &&
      config.listener_filters.front().filter->name() == "envoy.filters.listener.original_dst";
  bool any_wildcard = false;
  for (const auto& address : config.addresses)
    any_wildcard |= address.address.endpoint.address.is_any();
  listener.wants_local_address = any_wildcard && !restores_first;
}

upstream::WorkerCluster* WorkerConfig::find_cluster(std::string_view name) {
  const auto index = runtime_->snapshot->find_cluster(name);
  return index ? &clusters_[*index] : nullptr;
}

http_client::ClusterPool* WorkerConfig::find_pool(std::string_view name) {
  const auto index = runtime_->snapshot->find_cluster(name);
  return index ? &pools_[*index] : nullptr;
}

void WorkerConfig::set_hosts(std::size_t cluster, std::shared_ptr<const upstream::HostSet> hosts) {
  clusters_[cluster].set_hosts(hosts);
  pools_[cluster].hosts_changed(*hosts);
}

void WorkerConfig::sweep_original_destinations() {
  for (auto& cluster : clusters_) cluster.sweep();
}

}  // namespace weir::server
