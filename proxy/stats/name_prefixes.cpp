// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/name_prefixes.hpp"

#include <utility>

namespace weir::stats {
namespace {

bool is_plain_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Takes plain text and "\." off the front.
std::string take_plain(std::string_view& regex) {
  std::string out;
  for (;;) {
    if (!regex.empty() && is_plain_char(regex.front())) {
      out += regex.front();
      regex.remove_prefix(1);
    } else if (regex.starts_with("\\.")) {
      out += '.';
      regex.remove_prefix(2);
    } else {
      return out;
    }
  }
}

/// What was just taken may be repeated, or be missing.
bool is_repeated(std::string_view rest) {
  return !rest.empty() && std::string_view("?*+{").find(rest.front()) != std::string_view::npos;
}

/// The texts of "(a|b)" at the front, which it takes off; empty when they are not that plain.
std::vector<std::string> take_alternatives(std::string_view& regex) {
  std::vector<std::string> out;
  do {
    regex.remove_prefix(1);
    out.push_back(take_plain(regex));
    if (out.back().empty()) return {};
  } while (regex.starts_with('|'));
  if (!regex.starts_with(')')) return {};
  regex.remove_prefix(1);
  return is_repeated(regex) ? std::vector<std::string>{} : out;
}

/// Whether there is another alternative to all that came before. May say so where there is none.
bool may_be_alternative(std::string_view rest) {
  int depth = 0;
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      if (i + 1 < rest.size() && rest[i + 1] == 'Q') return true;  // what follows is quoted
      ++i;
    } else if (rest[i] == '(') {
      ++depth;
    } else if (rest[i] == ')') {
      --depth;
    } else if (rest[i] == '[' || (rest[i] == '|' && depth <= 0)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> prefixes_of_matches(std::string_view regex) {
  if (!regex.starts_with('^')) return {};
  regex.remove_prefix(1);
  std::vector<std::string> out;
  if (regex.starts_with('(')) {
    out = take_alternatives(regex);
  } else {
    std::string text = take_plain(regex);
    if (is_repeated(regex) && !text.empty()) text.pop_back();
    if (!text.empty()) out.push_back(std::move(text));
  }
  return may_be_alternative(regex) ? std::vector<std::string>{} : out;
}

}  // namespace weir::stats
