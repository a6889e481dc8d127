// SPDX-License-Identifier: Apache-2.0
// The parts of the value of :path.
#pragma once

#include <algorithm>
#include <string_view>

namespace weir::route {

/// Without query and fragment.
inline std::string_view path_only(std::string_view path) noexcept {
  std::size_t length = 0;
  while (length < path.size() && path[length] != '?' && path[length] != '#') ++length;
  return path.substr(0, length);
}

/// What follows the '?', without fragment; "" when there is none.
inline std::string_view query_of(std::string_view path) noexcept {
  const std::string_view rest = path.substr(0, path.find('#'));
  const std::size_t question = rest.find('?');
  return question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
}

/// Where the port of an authority begins, at its ':'; its size when it has none. Colons of an IPv6
/// address in brackets are no ports'.
inline std::size_t port_start(std::string_view authority) noexcept {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos) return authority.size();
  const std::size_t bracket = authority.rfind(']');
  return bracket != std::string_view::npos && bracket > colon ? authority.size() : colon;
}

}  // namespace weir::route
