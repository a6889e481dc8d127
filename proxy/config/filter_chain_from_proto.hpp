// SPDX-License-Identifier: Apache-2.0
// listener.v3.FilterChain and its match, into narrow types.
#pragma once

#include "proxy/config/filter_registry.hpp"
#include "proxy/config/listener_config.hpp"
#include "proxy/config/parse_context.hpp"

namespace envoy::config::listener::v3 {
class FilterChain;
class ListenerFilterChainMatchPredicate;
}  // namespace envoy::config::listener::v3

namespace weir::config {

/// Reports every problem; the result is meaningful only when there was none.
FilterChainConfig filter_chain_from_proto(const envoy::config::listener::v3::FilterChain& proto,
                                          const FilterRegistry& registry,
                                          const ParseContext& context);

PortPredicate port_predicate_from_proto(
    const envoy::config::listener::v3::ListenerFilterChainMatchPredicate& proto,
    const ParseContext& context);

}  // namespace weir::config
