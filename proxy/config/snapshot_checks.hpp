// SPDX-License-Identifier: Apache-2.0
// Checks of a listener against the other resources.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "proxy/config/parse_context.hpp"
#include "proxy/config/snapshot.hpp"

namespace weir::config {

/// Reports clusters that the listener names and `snapshot` does not have. `context`: of the
/// listener.
void check_cluster_references(const ListenerConfig& listener, const Snapshot& snapshot,
                              const ParseContext& context);

/// Whether `is` holds for a cluster that the listener's filters name.
bool any_cluster(const ListenerConfig& listener, const std::function<bool(const std::string&)>& is);

/// Reports a control plane whose cluster is not one of `fixed`, the bootstrap, or gets its own
/// endpoints from a control plane. `context`: of the ApiConfigSource.
void check_control_plane(const ApiConfigSource& source, const Snapshot& fixed,
                         const ParseContext& context);
/// Reports a source that cannot be asked. `context`: of the ConfigSource.
void check_source(const ConfigSource& source, const Snapshot& fixed, const ParseContext& context);
/// Those of a cluster. `context`: of the cluster.
void check_sources(const ClusterConfig& cluster, const Snapshot& fixed,
                   const ParseContext& context);

/// Those of a listener's route tables. `context`: of the listener.
void check_sources(const ListenerConfig& listener, const Snapshot& fixed,
                   const ParseContext& context);

/// Envoy's text for a listener whose address another one has.
std::string explain_address_conflict(const ListenerConfig& listener);

/// They cannot be in force together.
bool share_an_address(const ListenerConfig& a, const ListenerConfig& b);

/// The first of `others` that has an address of `listener`; nullptr: none does. `listener` may be
/// among them.
const ListenerConfig* find_address_conflict(
    const ListenerConfig& listener, std::span<const std::shared_ptr<const ListenerConfig>> others);

}  // namespace weir::config
