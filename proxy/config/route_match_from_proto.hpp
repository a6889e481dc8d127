// SPDX-License-Identifier: Apache-2.0
// route.v3.RouteMatch into its narrow type.
#pragma once

#include "proxy/config/parse_context.hpp"
#include "proxy/route/route_config.hpp"

namespace envoy::config::route::v3 {
class RouteMatch;
}

namespace weir::config {

route::RouteMatch route_match_from_proto(const envoy::config::route::v3::RouteMatch& proto,
                                         const ParseContext& context);

}  // namespace weir::config
