// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/worker_clusters.hpp"

#include <utility>

namespace weir::server {

WorkerClusterEntry* WorkerClusters::entry_of(std::string_view name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second.get();
}

upstream::WorkerCluster* WorkerClusters::find_cluster(std::string_view name) {
  WorkerClusterEntry* const entry = entry_of(name);
  return entry != nullptr ? &entry->cluster : nullptr;
}

http_client::ClusterPool* WorkerClusters::find_pool(std::string_view name) {
  WorkerClusterEntry* const entry = entry_of(name);
  return entry != nullptr ? &entry->pool : nullptr;
}

upstream::WorkerCluster* WorkerClusters::find(upstream::ClusterId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second->cluster;
}

void WorkerClusters::put(std::unique_ptr<WorkerClusterEntry> entry) {
  by_id_[entry->id] = entry.get();
  auto& place = by_name_[entry->shared->config->name];
  std::swap(place, entry);
  if (entry != nullptr) retire(std::move(entry));
}

void WorkerClusters::remove(upstream::ClusterId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  const auto at = by_name_.find(found->second->shared->config->name);
  auto entry = std::move(at->second);
  by_name_.erase(at);
  retire(std::move(entry));
}

void WorkerClusters::retire(std::unique_ptr<WorkerClusterEntry> entry) {
  by_id_.erase(entry->id);
  entry->pool.drain();
  retired_.push_back(std::move(entry));
}

void WorkerClusters::set_hosts(upstream::ClusterId id,
                               std::shared_ptr<const upstream::HostSet> hosts) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  found->second->cluster.set_hosts(hosts);
  found->second->pool.hosts_changed(*hosts);
}

void WorkerClusters::sweep_original_destinations() {
  for (auto& [name, entry] : by_name_) entry->cluster.sweep();
}

void WorkerClusters::collect() {
  if (retired_.empty()) return;
  std::erase_if(retired_, [](const auto& entry) { return !entry->cluster.in_use(); });
}

}  // namespace weir::server
