// SPDX-License-Identifier: Apache-2.0
// ConfigSource: where resources of one type come from.
#pragma once

#include <chrono>
#include <string>

namespace weir::config {

/// core.v3.ConfigSource.
struct ConfigSource {
  std::string path;               // path, or path_config_source.path
  std::string watched_directory;  // path_config_source.watched_directory.path; "" = that of `path`
  /// How long a start waits for the first resources; 0 = for ever.
  std::chrono::milliseconds initial_fetch_timeout{15000};
  bool operator==(const ConfigSource&) const = default;
};

}  // namespace weir::config
