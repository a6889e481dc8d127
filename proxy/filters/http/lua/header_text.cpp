// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/lua/header_text.hpp"

#include <algorithm>

#include "proxy/http/header_id.hpp"

namespace weir::filters {
namespace {

bool is_upper(char character) { return character >= 'A' && character <= 'Z'; }

constexpr std::array<bool, 256> kToken = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

}  // namespace

LuaHeaderName::LuaHeaderName(std::string_view name) : borrowed_(name) {
  if (std::any_of(name.begin(), name.end(), is_upper)) {
    lowered_ = name;
    for (char& character : lowered_)
      if (is_upper(character)) character = static_cast<char>(character + ('a' - 'A'));
  }
  if (text() == "host") {
    lowered_.clear();
    borrowed_ = ":authority";
  }
}

bool LuaHeaderName::valid() const noexcept {
  const std::string_view name = text();
  if (pseudo()) return http::is_pseudo(http::header_id(name));
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char character) {
    return kToken[static_cast<unsigned char>(character)];
  });
}

bool is_lua_header_value(std::string_view value) noexcept {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace weir::filters
