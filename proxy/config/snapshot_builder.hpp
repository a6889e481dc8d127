// SPDX-License-Identifier: Apache-2.0
// bootstrap.v3.Bootstrap into a Snapshot, with everything checked that needs more than one
// resource.
#pragma once

#include <memory>

#include "common/result.hpp"
#include "proxy/config/bootstrap.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::bootstrap::v3 {
class Bootstrap;
}

namespace weir::config {

/// @param root a context at the root of the documents that `proto` came from.
/// Reports every problem; the Error only sums up. A reference to a cluster that does not exist is a
/// warning: the connection ends with NC when it comes to it.
Result<std::shared_ptr<const Snapshot>> build_snapshot(
    const envoy::config::bootstrap::v3::Bootstrap& proto, const FilterRegistry& registry,
    ListenerCheck check, const ParseContext& root);

}  // namespace weir::config
