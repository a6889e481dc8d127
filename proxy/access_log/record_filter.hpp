// SPDX-License-Identifier: Apache-2.0
// RecordFilter: which connections an access log records.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/access_log/record.hpp"

namespace weir::access_log {

/// accesslog.v3.AccessLogFilter, as far as connections have what it asks for. Pure.
struct RecordFilter {
  enum class Kind : std::uint8_t {
    every,        // not_health_check_filter: no connection is a health check
    any_flag,     // response_flag_filter without flags
    flags,        // at least one of `flags`
    duration,     // milliseconds against `value`
    status_code,  // a connection has none and counts as 0
    all_of,       // of `children`
    any_of,
  };
  enum class Comparison : std::uint8_t { equal, at_least, at_most, not_equal };

  Kind kind = Kind::every;
  Comparison comparison = Comparison::equal;
  ResponseFlags flags;
  std::uint32_t value = 0;
  std::vector<RecordFilter> children;

  [[nodiscard]] bool matches(const Record& record) const;
};

}  // namespace weir::access_log
