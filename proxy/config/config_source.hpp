// SPDX-License-Identifier: Apache-2.0
// ConfigSource: where resources of one type come from.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "proxy/config/api_config_source.hpp"

namespace weir::config {

/// core.v3.ConfigSource: a file, a control plane, or (`ads`) the one that serves all types.
struct ConfigSource {
  std::string path;               // path, or path_config_source.path; "" = no file
  std::string watched_directory;  // path_config_source.watched_directory.path; "" = that of `path`
  std::shared_ptr<const ApiConfigSource> api;  // null: no control plane of its own
  bool ads = false;                            // dynamic_resources.ads_config
  /// How long a start waits for the first resources; 0 = for ever.
  std::chrono::milliseconds initial_fetch_timeout{15000};
  [[nodiscard]] bool is_file() const noexcept { return !path.empty(); }
};

}  // namespace weir::config
