// SPDX-License-Identifier: Apache-2.0
// Checks of a listener against the other resources.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "proxy/config/parse_context.hpp"
#include "proxy/config/snapshot.hpp"

namespace weir::config {

/// Reports clusters that the listener names and `snapshot` does not have. `context`: of the
/// listener.
void check_cluster_references(const ListenerConfig& listener, const Snapshot& snapshot,
                              const ParseContext& context);

/// Envoy's text for a listener whose address another one has.
std::string explain_address_conflict(const ListenerConfig& listener);

/// That text when one of `others` has an address of `listener`; nullopt: none does. `listener` may
/// be among them.
std::optional<std::string> find_address_conflict(
    const ListenerConfig& listener, std::span<const std::shared_ptr<const ListenerConfig>> others);

}  // namespace weir::config
