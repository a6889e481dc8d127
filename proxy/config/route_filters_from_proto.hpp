// SPDX-License-Identifier: Apache-2.0
// typed_per_filter_config of one level: what a route, virtual host, route configuration or weighted
// cluster says to HTTP filters.
#pragma once

#include <string>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/map.h>

#include "proxy/config/filter_registry.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/route/route_config.hpp"

namespace weir::config {

/// Sorted by the filters' names. `parent` is the message that has the field.
route::RouteFilters route_filters_from_proto(
    const google::protobuf::Map<std::string, google::protobuf::Any>& proto,
    const FilterRegistry& registry, const ParseContext& parent);

}  // namespace weir::config
