// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/wall_clock.hpp"

#include <ctime>

namespace weir::filters {

void WallClock::read(Steady now) {
  read_at_ = now;
  system_ = std::chrono::system_clock::now();
}

std::string_view WallClock::date() {
  if (date_of_ == system_ && !date_.empty()) return date_;
  date_of_ = system_;
  const std::time_t seconds = std::chrono::system_clock::to_time_t(system_);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto two = [](int value) {
    return std::string{static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
  };
  date_ = std::string(kDays[parts.tm_wday]) + ", " + two(parts.tm_mday) + " " +
          kMonths[parts.tm_mon] + " " + std::to_string(parts.tm_year + 1900) + " " +
          two(parts.tm_hour) + ":" + two(parts.tm_min) + ":" + two(parts.tm_sec) + " GMT";
  return date_;
}

}  // namespace weir::filters
