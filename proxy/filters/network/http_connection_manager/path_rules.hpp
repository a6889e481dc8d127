// SPDX-License-Identifier: Apache-2.0
// Paths in the form that the configuration asks for: RFC 3986 §6.2.2 and §5.2.4. Pure.
#pragma once

#include <string>
#include <string_view>

#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"

namespace weir::filters {

struct PathResult {
  enum class Status : std::uint8_t { as_is, refused, redirect };
  Status status = Status::as_is;
  std::string path;  // with its query
};

/// normalize_path, merge_slashes and path_with_escaped_slashes_action applied to `path`, which
/// begins with '/'. The query stays as it is.
PathResult normalized(const HcmConfig& config, std::string_view path);

}  // namespace weir::filters
