// SPDX-License-Identifier: Apache-2.0
// HeaderMutations: header additions and removals that configuration asks for, on any level.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/http/header_map.hpp"

namespace weir::access_log {
class Format;
struct Record;
}  // namespace weir::access_log

namespace weir::route {

/// core.v3.HeaderValueOption.
struct HeaderAddition {
  enum class Action : std::uint8_t { append, add_if_absent, overwrite, overwrite_if_present };
  std::string name;  // lower case; may be ":path" or ":authority" on requests (set, never appended)
  std::string literal;                               // the value, when there is no format
  std::shared_ptr<const access_log::Format> format;  // the value has command operators
  Action action = Action::append;
  bool keep_empty = false;
};

/// Removals first, then what overwrites, then what is added, each in order. Conditions and values
/// are those of the headers between removals and additions, as in Envoy. Immutable.
struct HeaderMutations {
  std::vector<std::string> remove;  // lower case
  std::vector<HeaderAddition> add;

  [[nodiscard]] bool empty() const noexcept { return remove.empty() && add.empty(); }
  /// `record` is read only by additions with a format, which do nothing without one.
  void apply(http::HeaderMap& headers, const access_log::Record* record) const;
  [[nodiscard]] bool needs_record() const;
};

}  // namespace weir::route
