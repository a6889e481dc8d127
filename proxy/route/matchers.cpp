// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/matchers.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "proxy/route/ascii_case.hpp"
#include "proxy/route/regex.hpp"

namespace weir::route {
namespace {

/// The whole text as a decimal integer.
std::optional<std::int64_t> integer_of(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

/// Value of the first parameter `name`; nullopt when there is none.
std::optional<std::string_view> parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equal = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equal) == name) return pair.substr(std::min(equal + 1, pair.size()));
  }
  return std::nullopt;
}

}  // namespace

bool StringMatcher::matches(std::string_view value) const {
  switch (kind) {
    case Kind::any:
      return true;
    case Kind::exact:
      return ignore_case ? is_in_lower(value, text) : value == text;
    case Kind::prefix:
      return ignore_case ? starts_with_in_lower(value, text) : value.starts_with(text);
    case Kind::suffix:
      return ignore_case ? ends_with_in_lower(value, text) : value.ends_with(text);
    case Kind::contains:
      return ignore_case ? contains_in_lower(value, text)
                         : value.find(text) != std::string_view::npos;
    case Kind::regex:
      return matches_whole(*regex, value);
  }
  return false;
}

bool HeaderMatcher::matches(const http::HeaderMap& headers) const {
  const http::HeaderField* const field = headers.find(name);
  if (kind == Kind::present || kind == Kind::absent)
    return ((field != nullptr || treat_missing_as_empty) == (kind == Kind::present)) != invert;
  // A header that is not there matches nothing, and nothing's opposite neither.
  if (field == nullptr) return treat_missing_as_empty && matches_value({}) != invert;
  // Each field by itself: a second one must not hide the first.
  const auto fields = headers.fields();
  const bool matched = std::any_of(field, fields.data() + fields.size(), [&](const auto& one) {
    return one.name == field->name && matches_value(one.value);
  });
  return matched != invert;
}

bool HeaderMatcher::matches_value(std::string_view value) const {
  if (kind == Kind::string) return string.matches(value);
  const auto number = integer_of(value);
  return number && *number >= range_start && *number < range_end;
}

bool QueryParameterMatcher::matches(std::string_view query) const {
  const auto value = parameter(query, name);
  if (kind != Kind::string) return value.has_value() == (kind == Kind::present);
  return value && string.matches(*value);
}

bool all_match(const std::vector<HeaderMatcher>& matchers, const http::HeaderMap& headers) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const HeaderMatcher& matcher) { return matcher.matches(headers); });
}

}  // namespace weir::route
