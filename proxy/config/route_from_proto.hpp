// SPDX-License-Identifier: Apache-2.0
// route.v3.RouteConfiguration into its narrow type, and into the table that requests are looked up
// in.
#pragma once

#include <memory>

#include "proxy/config/filter_registry.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/route/route_table.hpp"

namespace envoy::config::route::v3 {
class RouteConfiguration;
}

namespace weir::config {

/// nullptr when domains contradict each other, which is reported; after any other error the table
/// is not to be used either.
std::shared_ptr<const route::RouteTable> route_table_from_proto(
    const envoy::config::route::v3::RouteConfiguration& proto, const FilterRegistry& registry,
    const ParseContext& context);

}  // namespace weir::config
