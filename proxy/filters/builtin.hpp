// SPDX-License-Identifier: Apache-2.0
// The filters that Weir has. A new one is a folder entry and a line in builtin.cpp.
#pragma once

#include "proxy/config/filter_registry.hpp"

namespace weir::filters {

config::FilterRegistry builtin_filters();

}  // namespace weir::filters
