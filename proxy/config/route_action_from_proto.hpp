// SPDX-License-Identifier: Apache-2.0
// What a route does with a request, into narrow types.
#pragma once

#include <cstdint>

#include "proxy/config/filter_registry.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/route/route_config.hpp"

namespace envoy::config::route::v3 {
class DirectResponseAction;
class RedirectAction;
class RouteAction;
}  // namespace envoy::config::route::v3

namespace weir::config {

route::ForwardAction forward_action_from_proto(const envoy::config::route::v3::RouteAction& proto,
                                               const FilterRegistry& registry,
                                               const ParseContext& context);

route::RedirectAction redirect_action_from_proto(
    const envoy::config::route::v3::RedirectAction& proto, const ParseContext& context);

/// `most_bytes`: of the body.
route::DirectResponse direct_response_from_proto(
    const envoy::config::route::v3::DirectResponseAction& proto, std::uint32_t most_bytes,
    const ParseContext& context);

}  // namespace weir::config
