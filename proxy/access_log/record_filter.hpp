// SPDX-License-Identifier: Apache-2.0
// RecordFilter: which connections and requests an access log records.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/access_log/record.hpp"

namespace weir::access_log {

/// A question to the headers of a request. Immutable.
class HeaderPredicate {
 public:
  virtual ~HeaderPredicate() = default;
  /// nullptr: a connection, which has no headers at all.
  [[nodiscard]] virtual bool holds(const http::HeaderMap* request_headers) const = 0;
};

/// accesslog.v3.AccessLogFilter. Pure: the same record, the same answer.
struct RecordFilter {
  enum class Kind : std::uint8_t {
    every,
    any_flag,     // response_flag_filter without flags
    flags,        // at least one of `flags`
    duration,     // milliseconds against `value`
    status_code,  // what has none counts as 0
    not_health_check,
    grpc_status,  // one of `grpc_statuses`; what has none counts as 2, unknown
    headers,      // of the request: `predicate`
    fraction,     // `value` of `denominator`, by the request's id
    all_of,       // of `children`
    any_of,
  };
  enum class Comparison : std::uint8_t { equal, at_least, at_most, not_equal };

  Kind kind = Kind::every;
  Comparison comparison = Comparison::equal;
  bool exclude = false;  // Kind::grpc_status: none of them
  ResponseFlags flags;
  std::uint32_t value = 0;
  std::uint32_t denominator = 100;
  std::uint32_t grpc_statuses = 0;  // bit n: status n
  std::shared_ptr<const HeaderPredicate> predicate;
  std::vector<RecordFilter> children;

  [[nodiscard]] bool matches(const Record& record) const;
};

}  // namespace weir::access_log
