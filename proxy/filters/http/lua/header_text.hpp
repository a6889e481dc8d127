// SPDX-License-Identifier: Apache-2.0
// Header names and values as scripts write them.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace weir::filters {

/// A name in lower case, without memory of its own when it was so already. "host" means
/// ":authority", as it does everywhere in requests after their parsing.
class LuaHeaderName {
 public:
  explicit LuaHeaderName(std::string_view name);
  [[nodiscard]] std::string_view text() const noexcept {
    return lowered_.empty() ? borrowed_ : std::string_view(lowered_);
  }
  [[nodiscard]] bool pseudo() const noexcept { return text().starts_with(':'); }
  /// A token (RFC 9110 §5.6.2), or a pseudo-header that exists.
  [[nodiscard]] bool valid() const noexcept;

 private:
  std::string_view borrowed_;
  std::string lowered_;
};

/// No CR, LF or NUL.
[[nodiscard]] bool is_lua_header_value(std::string_view value) noexcept;

}  // namespace weir::filters
