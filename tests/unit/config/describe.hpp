// SPDX-License-Identifier: Apache-2.0
// A Snapshot as text, every field of it, for golden files.
#pragma once

#include <string>

#include "proxy/config/snapshot.hpp"

namespace weir::config::testing {

std::string describe(const Snapshot& snapshot);

}  // namespace weir::config::testing
