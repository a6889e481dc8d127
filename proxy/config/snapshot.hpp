// SPDX-License-Identifier: Apache-2.0
// Snapshot: one complete, cross-checked, immutable configuration. Workers and connections hold it
// by shared_ptr.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/config/config_source.hpp"
#include "proxy/config/listener_config.hpp"

namespace weir::config {

/// bootstrap.v3.Bootstrap.node and the --service-* flags.
struct NodeConfig {
  std::string id;
  std::string cluster;
  std::string message;  // core.v3.Node, serialised: what a control plane is told
};

/// bootstrap.v3.Admin. No address = no admin server.
struct AdminConfig {
  std::optional<ListenAddress> address;
};

struct Snapshot {
  NodeConfig node;
  AdminConfig admin;
  std::vector<std::shared_ptr<const ListenerConfig>> listeners;  // unique names, no address twice
  std::vector<std::shared_ptr<const ClusterConfig>> clusters;    // unique names
  /// Runtime key overload.global_downstream_max_connections. nullopt = Weir's own limit.
  std::optional<std::uint64_t> global_connection_limit;
  /// Runtime keys envoy.resource_limits.listener.NAME.connection_limit, by name.
  std::map<std::string, std::uint64_t> listener_connection_limits;
  /// dynamic_resources: where further clusters and listeners come from.
  std::optional<ConfigSource> cds;
  std::optional<ConfigSource> lds;
  /// dynamic_resources.ads_config: what `ads` in a ConfigSource stands for; null = there is none.
  std::shared_ptr<const ApiConfigSource> ads;
  /// bootstrap.v3.Bootstrap as it was merged, serialised: what /config_dump shows of it. Null:
  /// there was none.
  std::shared_ptr<const std::string> bootstrap;
  /// Name → index into `clusters`; may be left empty. Views point into `clusters`.
  std::unordered_map<std::string_view, std::size_t> cluster_index;

  /// Index into `clusters`, or nullopt.
  [[nodiscard]] std::optional<std::size_t> find_cluster(std::string_view name) const;
};

}  // namespace weir::config
