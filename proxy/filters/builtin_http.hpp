// SPDX-License-Identifier: Apache-2.0
// The HTTP filters that Weir has, and those of Envoy's that it refuses by name.
#pragma once

#include <vector>

#include "proxy/config/filter_registry.hpp"

namespace weir::filters {

std::vector<config::HttpFilterType> builtin_http_filters();
std::vector<config::RefusedHttpFilter> refused_http_filters();

}  // namespace weir::filters
