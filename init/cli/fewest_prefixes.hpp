// SPDX-License-Identifier: Apache-2.0
// Lists of prefixes without what is in them twice. Pure.
#pragma once

#include <vector>

#include "common/ip.hpp"

namespace weir::init {

/// The fewest prefixes that hold the same addresses, in ascending order, IPv4 first.
std::vector<CidrRange> fewest_prefixes(const std::vector<CidrRange>& ranges);

}  // namespace weir::init
