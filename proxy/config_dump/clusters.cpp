// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <unordered_map>

#include "proxy/config_dump/dump_values.hpp"
#include "proxy/config_dump/sections.hpp"

namespace weir::config_dump {
namespace {

using discovery::ResourceType;
using envoy::admin::v3::ClustersConfigDump;
using DynamicCluster = ClustersConfigDump::DynamicCluster;
using Stored = discovery::ResourceStore::Stored<config::ClusterConfig>;
using ByName = std::unordered_map<std::string_view, const config::ClusterConfig*>;

ByName clusters_in_force(const DumpInput& input) {
  ByName clusters;
  for (const auto& view : input.clusters) clusters.emplace(view.config->name, view.config.get());
  return clusters;
}

void set_cluster(DynamicCluster& out, const config::ConfigOrigin& origin) {
  set_state(out, out.mutable_cluster(), ResourceType::cluster, origin);
}

/// An error stands with the version that serves, or with the one that warms, or alone.
void add_stored(const Stored& stored, const config::ClusterConfig* active,
                ClustersConfigDump& dump) {
  DynamicCluster* last = nullptr;
  if (stored.config != nullptr && stored.config.get() != active) {
    last = dump.add_dynamic_warming_clusters();
    set_cluster(*last, *stored.config->origin);
  }
  if (active != nullptr && active->origin != nullptr) {
    last = dump.add_dynamic_active_clusters();
    set_cluster(*last, *active->origin);
  }
  if (!stored.error) return;
  if (last == nullptr) last = dump.add_dynamic_warming_clusters();
  *last->mutable_error_state() = failure_of(*stored.error);
}

}  // namespace

ClustersConfigDump dump_clusters(const DumpContext& context) {
  const DumpInput& input = context.input;
  ClustersConfigDump dump;
  dump.set_version_info(std::string(input.store.version(ResourceType::cluster)));
  for (const auto& cluster : context.bootstrap.static_resources().clusters()) {
    if (!context.wants(cluster.name())) continue;
    auto& shown = *dump.add_static_clusters();
    shown.mutable_cluster()->PackFrom(cluster);
    *shown.mutable_last_updated() = timestamp_of(input.started);
  }
  const ByName active = clusters_in_force(input);
  for (const auto& [name, stored] : input.store.clusters()) {
    if (!context.wants(name)) continue;
    const auto found = active.find(name);
    add_stored(stored, found != active.end() ? found->second : nullptr, dump);
  }
  for (const auto& [source, failure] : input.store.failures())
    if (source.first == ResourceType::cluster && context.wants(""))
      *dump.add_dynamic_warming_clusters()->mutable_error_state() = failure_of(failure);
  return dump;
}

}  // namespace weir::config_dump
