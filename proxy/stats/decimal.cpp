// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/decimal.hpp"

#include <charconv>
#include <cstdio>

namespace weir::stats {

void append_decimal(std::string& out, double value) {
  char text[400];  // the largest double has 309 digits
  const auto result = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed);
  out.append(text, result.ptr);
}

void append_long_decimal(std::string& out, double value) {
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%.32g", value);
  out.append(text, static_cast<std::size_t>(length));
}

}  // namespace weir::stats
