// SPDX-License-Identifier: Apache-2.0
// fetch: asks a control plane once and prints what it answers.
#pragma once

#include <string>

#include "common/result.hpp"
#include "control/resource_set.hpp"

namespace weir::control {

struct FetchOptions {
  std::string server;
  std::string node;
  ResourceType type = ResourceType::cluster;
  std::string name;  // "" = all
};

/// The resources as text, configurations inside of them expanded. Error = no answer, or the name is
/// not there. Works with any control plane that has the Fetch methods.
Result<std::string> fetch(const FetchOptions& options);

}  // namespace weir::control
