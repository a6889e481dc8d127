// SPDX-License-Identifier: Apache-2.0
// ConfigOrigin: what a resource that came while the proxy runs was made from.
#pragma once

#include <chrono>
#include <string>

namespace weir::config {

/// For /config_dump. The message stays as it came, serialised: the narrow types keep what the data
/// path needs, and a file may have changed since. Goes with the version of the resource that it
/// belongs to.
struct ConfigOrigin {
  std::string version;
  std::chrono::system_clock::time_point updated;
  std::string message;  // of the resource's type
};

}  // namespace weir::config
