// SPDX-License-Identifier: Apache-2.0
// bootstrap.v3.LayeredRuntime: the few runtime keys that mean something here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "proxy/config/parse_context.hpp"

namespace envoy::config::bootstrap::v3 {
class LayeredRuntime;
}

namespace weir::config {

struct RuntimeLimits {
  std::optional<std::uint64_t> global_connections;  // overload.global_downstream_max_connections
  std::map<std::string, std::uint64_t>
      listener_connections;  // envoy.resource_limits.listener.NAME.connection_limit
};

/// Later layers win. Keys without effect get a warning each, values that are not numbers an error.
RuntimeLimits runtime_from_proto(const envoy::config::bootstrap::v3::LayeredRuntime& proto,
                                 const ParseContext& context);

}  // namespace weir::config
