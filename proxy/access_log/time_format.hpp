// SPDX-License-Identifier: Apache-2.0
// TimeFormat: the parameter of %START_TIME(…)%, compiled.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"

namespace weir::access_log {

/// Room for the default format.
using TimeBuffer = std::array<char, 72>;
/// 2024-05-06T07:08:09.123Z. Borrows `buffer`.
std::string_view print_time(std::chrono::system_clock::time_point time, TimeBuffer& buffer);

/// strftime(3) conversions in UTC, and %s (seconds since 1970), %f (nanoseconds), %1f … %9f (that
/// many digits). Default: 2024-05-06T07:08:09.123Z. Immutable; any thread may render.
class TimeFormat {
 public:
  TimeFormat() = default;  // the default format
  /// Error names the conversion that is not known.
  static Result<TimeFormat> parse(std::string_view format);

  [[nodiscard]] bool is_default() const noexcept { return pieces_.empty(); }
  void render(std::chrono::system_clock::time_point time, std::string& out) const;

 private:
  struct Piece {
    enum class Kind : unsigned char { calendar, epoch_seconds, fraction };
    Kind kind = Kind::calendar;
    std::string calendar;  // for strftime
    int digits = 9;        // Kind::fraction
  };
  std::vector<Piece> pieces_;  // empty = default format
};

}  // namespace weir::access_log
