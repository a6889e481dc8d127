// SPDX-License-Identifier: Apache-2.0
// What the admin endpoints show, as text: pure functions, Envoy's forms (admin.v3).
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/admin/admin_source.hpp"
#include "proxy/admin/process_memory.hpp"

namespace weir::admin {

/// "LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING".
std::string_view to_string(ServerState state);

/// The state alone in the first line, as Envoy's probes and scripts expect it; then the details,
/// kMostDetails at most.
std::string render_ready(ServerState state, const std::vector<std::string>& details);
inline constexpr std::size_t kMostDetails = 100;

struct ServerInfo {
  ServerState state = ServerState::pre_initializing;
  std::chrono::seconds uptime{0};
  config::NodeConfig node;
  CommandLineOptions options;
};
/// admin.v3.ServerInfo.
std::string render_server_info(const ServerInfo& info);

/// `name::ip:port` per address.
std::string render_listeners_text(std::span<const ListenerView> listeners);
/// admin.v3.Listeners.
std::string render_listeners_json(std::span<const ListenerView> listeners);

/// `cluster::key::value` and `cluster::ip:port::key::value`, in Envoy's order.
std::string render_clusters_text(std::span<const ClusterView> clusters);
/// admin.v3.Clusters.
std::string render_clusters_json(std::span<const ClusterView> clusters);

/// admin.v3.Memory.
std::string render_memory(const ProcessMemory& memory);

}  // namespace weir::admin
