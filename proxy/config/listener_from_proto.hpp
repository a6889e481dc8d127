// SPDX-License-Identifier: Apache-2.0
// listener.v3.Listener into ListenerConfig.
#pragma once

#include "proxy/config/filter_registry.hpp"
#include "proxy/config/listener_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::listener::v3 {
class Listener;
}

namespace weir::config {

/// Reports every problem; the result is meaningful only when there was none.
ListenerConfig listener_from_proto(const envoy::config::listener::v3::Listener& proto,
                                   const FilterRegistry& registry, const ParseContext& context);

}  // namespace weir::config
