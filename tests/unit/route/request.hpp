// SPDX-License-Identifier: Apache-2.0
// Requests for tests of routes.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/header_map.hpp"

namespace weir::route::testing {

using Lines = std::vector<std::pair<std::string_view, std::string_view>>;

/// The headers of one message, in an arena of its own.
class Message {
 public:
  explicit Message(const Lines& lines) {
    for (const auto& [name, value] : lines) headers.add(name, value);
  }
  /// "name: value" of every field, each on a line.
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const http::HeaderField& field : headers.fields())
      if (!field.removed()) out += std::string(field.name) + ": " + std::string(field.value) + "\n";
    return out;
  }

 private:
  http::ArenaPool pool_;
  http::Arena arena_{pool_};

 public:
  http::HeaderMap headers{arena_};
};

inline Message get(std::string_view path, const Lines& more = {}) {
  Lines lines{{":method", "GET"}, {":path", path}, {":authority", "example.com"}};
  lines.insert(lines.end(), more.begin(), more.end());
  return Message(lines);
}

}  // namespace weir::route::testing
