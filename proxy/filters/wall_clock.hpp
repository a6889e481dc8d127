// SPDX-License-Identifier: Apache-2.0
// WallClock: the time of day without a system call for each request.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace weir::filters {

/// Reads the system's clock at most once a second; between, the loop's clock tells how far it has
/// gone. One worker each.
class WallClock {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  using System = std::chrono::system_clock::time_point;

  System at(Steady now) {
    if (now - read_at_ >= std::chrono::seconds(1) || read_at_ == Steady{}) read(now);
    return system_ + std::chrono::duration_cast<System::duration>(now - read_at_);
  }

  /// Of the last at(): "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7). Valid until the next call
  /// of at().
  std::string_view date();

 private:
  void read(Steady now);

  Steady read_at_{};
  System system_{};
  System date_of_{};
  std::string date_;
};

}  // namespace weir::filters
