// SPDX-License-Identifier: Apache-2.0
// Target: an admin request target taken apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weir::admin {

/// Query parameters in order. '+' stays '+', as Envoy has it: filters are regular expressions.
class QueryParams {
 public:
  [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }
  /// The first value of that name; a parameter without '=' has the value "".
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const noexcept {
    return params_;
  }

 private:
  friend struct Target parse_target(std::string_view text);
  std::vector<std::pair<std::string, std::string>> params_;
};

struct Target {
  std::string path;
  QueryParams params;
};

/// Splits at '?' and '&' and decodes %XX (a '%' without two hex digits stays). Accepts every text.
Target parse_target(std::string_view text);

}  // namespace weir::admin
