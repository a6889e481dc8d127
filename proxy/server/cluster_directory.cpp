// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/cluster_directory.hpp"

#include <unordered_set>
#include <utility>

#include "common/log.hpp"

namespace weir::server {
namespace {

std::unordered_set<std::string_view> names_of(const ClusterDirectory::Clusters& clusters) {
  std::unordered_set<std::string_view> names;
  for (const auto& config : clusters) names.insert(config->name);
  return names;
}

}  // namespace

void ClusterDirectory::start(const std::shared_ptr<const config::Snapshot>& snapshot,
                             std::function<void()> on_initialized) {
  // Ids are given in order, so those of the first clusters are known before they are made.
  manager_.start(
      snapshot,
      [this](upstream::ClusterId id, const std::shared_ptr<const upstream::HostSet>& hosts) {
        for (const auto& worker : workers_) worker->set_hosts(id, hosts);
        if (on_hosts_changed_) on_hosts_changed_(id);
      },
      std::move(on_initialized));
  for (std::size_t i = 0; i < snapshot->clusters.size(); ++i)
    activate(snapshot->clusters[i]->name, {snapshot->clusters[i], i});
}

void ClusterDirectory::update(const Clusters& wanted, std::function<void()> on_warm) {
  on_warm_ = std::move(on_warm);
  stop_warming_others(wanted);
  for (const auto& config : wanted) {
    const auto active = active_.find(config->name);
    const auto on_its_way = warming_.find(config->name);
    if (on_its_way != warming_.end()) {
      if (on_its_way->second.config == config) continue;
      manager_.retire(on_its_way->second.id);
      warming_.erase(on_its_way);
    }
    if (active != active_.end() && active->second.config == config) continue;
    const std::string& name = config->name;
    auto& warming = warming_[name];
    warming.config = config;
    auto id = std::make_shared<upstream::ClusterId>();
    *id = manager_.add(config, active != active_.end(), [this, name, id] { warmed(name, *id); });
    warming.id = *id;
  }
  tell_if_warm();
}

/// Nobody may answer about them any more, and all others would wait for that.
void ClusterDirectory::stop_warming_others(const Clusters& wanted) {
  const auto names = names_of(wanted);
  std::erase_if(warming_, [&](const auto& entry) {
    if (names.contains(entry.first)) return false;
    if (active_.contains(entry.first))
      manager_.retire(entry.second.id);
    else
      manager_.remove(entry.second.id);
    return true;
  });
}

void ClusterDirectory::warmed(const std::string& name, upstream::ClusterId id) {
  const auto found = warming_.find(name);
  if (found == warming_.end() || found->second.id != id) return;
  const Warming ready = found->second;
  warming_.erase(found);
  activate(name, ready);
  tell_if_warm();
  if (!warming_.empty() && on_progress_) on_progress_();
}

void ClusterDirectory::activate(const std::string& name, const Warming& ready) {
  auto shared = std::make_shared<upstream::SharedCluster>();
  shared->config = ready.config;
  if (ready.config->discovery == config::DiscoveryType::original_dst)
    shared->original_dst =
        std::make_unique<upstream::OriginalDstHosts>(static_cast<unsigned>(workers_.size()));
  for (const auto& worker : workers_)
    worker->put_cluster(std::make_unique<WorkerClusterEntry>(
        ready.id, shared, stats_, worker->context(), manager_.hosts(ready.id)));
  Active& place = active_[name];
  const Active before = std::exchange(place, Active{ready.config, ready.id, std::move(shared)});
  if (before.config != nullptr) manager_.retire(before.id);
}

void ClusterDirectory::tell_if_warm() {
  if (!warming_.empty()) return;
  if (const auto told = std::exchange(on_warm_, nullptr)) told();
}

void ClusterDirectory::remove_others(const Clusters& wanted) {
  const auto names = names_of(wanted);
  std::erase_if(active_, [&](const auto& entry) {
    if (names.contains(entry.first)) return false;
    for (const auto& worker : workers_) worker->remove_cluster(entry.second.id);
    manager_.remove(entry.second.id);
    return true;
  });
}

void ClusterDirectory::set_endpoints(std::string_view name,
                                     const std::vector<config::EndpointConfig>& endpoints) {
  const std::string key(name);
  const auto give = [&](const auto& versions) {
    const auto found = versions.find(key);
    if (found != versions.end() && found->second.config->discovery == config::DiscoveryType::eds)
      manager_.set_endpoints(found->second.id, endpoints);
  };
  give(active_);
  give(warming_);
}

const ClusterDirectory::Active* ClusterDirectory::find(std::string_view name) const {
  const auto found = active_.find(std::string(name));
  return found == active_.end() ? nullptr : &found->second;
}

}  // namespace weir::server
