// SPDX-License-Identifier: Apache-2.0
// Comparing without regard to the case of ASCII letters, against texts that are lower case already.
#pragma once

#include <algorithm>
#include <string_view>

namespace weir::route {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// `lower_case` is in lower case; the texts have the same length.
inline bool equal_in_lower(std::string_view text, std::string_view lower_case) noexcept {
  return std::equal(text.begin(), text.end(), lower_case.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

inline bool is_in_lower(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() == lower_case.size() && equal_in_lower(text, lower_case);
}

inline bool starts_with_in_lower(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() >= lower_case.size() &&
         equal_in_lower(text.substr(0, lower_case.size()), lower_case);
}

inline bool ends_with_in_lower(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() >= lower_case.size() &&
         equal_in_lower(text.substr(text.size() - lower_case.size()), lower_case);
}

inline bool contains_in_lower(std::string_view text, std::string_view lower_case) noexcept {
  return std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end() ||
         lower_case.empty();
}

}  // namespace weir::route
