// SPDX-License-Identifier: Apache-2.0
// Matchers of texts, headers and query parameters: what routes and filters ask of a request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/header_map.hpp"

namespace re2 {
class RE2;
}

namespace weir::route {

/// type.matcher.v3.StringMatcher. Immutable. A default one matches everything.
struct StringMatcher {
  enum class Kind : std::uint8_t { any, exact, prefix, suffix, contains, regex };
  Kind kind = Kind::any;
  std::string text;                       // lower case when ignore_case
  bool ignore_case = false;               // not for regex
  std::shared_ptr<const re2::RE2> regex;  // matches the whole text

  [[nodiscard]] bool matches(std::string_view value) const;
};

/// config.route.v3.HeaderMatcher. Of several fields of one name, one that matches is enough; with
/// `invert`, none may match.
struct HeaderMatcher {
  enum class Kind : std::uint8_t { present, absent, string, range };
  std::string name;  // lower case
  Kind kind = Kind::present;
  StringMatcher string;
  std::int64_t range_start = 0;  // [start, end) of a decimal integer
  std::int64_t range_end = 0;
  bool invert = false;
  bool treat_missing_as_empty = false;

  [[nodiscard]] bool matches(const http::HeaderMap& headers) const;

 private:
  [[nodiscard]] bool matches_value(std::string_view value) const;
};

/// config.route.v3.QueryParameterMatcher. The first parameter of that name counts.
struct QueryParameterMatcher {
  enum class Kind : std::uint8_t { present, absent, string };
  std::string name;
  Kind kind = Kind::present;
  StringMatcher string;

  /// `query`: what follows the '?', without fragment.
  [[nodiscard]] bool matches(std::string_view query) const;
};

/// type.v3.FractionalPercent: `numerator` of `denominator` pass.
struct Fraction {
  std::uint32_t numerator = 0;
  std::uint32_t denominator = 100;  // 100, 10,000 or 1,000,000
  /// `random`: any number, equally distributed.
  [[nodiscard]] bool holds(std::uint64_t random) const noexcept {
    return random % denominator < numerator;
  }
  bool operator==(const Fraction&) const = default;
};

/// All of them match.
[[nodiscard]] bool all_match(const std::vector<HeaderMatcher>& matchers,
                             const http::HeaderMap& headers);

}  // namespace weir::route
