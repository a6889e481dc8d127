// SPDX-License-Identifier: Apache-2.0
// What files say before anything runs.
#pragma once

#include "proxy/discovery/resource_store.hpp"

namespace weir::discovery {

/// Reads every file once, so that a server can begin with what they say. Problems are told by
/// LiveConfiguration::start().
void load_files(ResourceStore& store);

}  // namespace weir::discovery
