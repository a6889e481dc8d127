// SPDX-License-Identifier: Apache-2.0
// How often drift is repaired: at once, but not for ever against somebody who undoes it. Pure.
#pragma once

#include <algorithm>
#include <chrono>

namespace weir::init {

/// So many repairs may come at once; after that so many a second, until there was rest.
inline constexpr double kRepairsAtOnce = 50;
inline constexpr double kRepairsPerSecond = 5;

class RepairPacer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// How long to wait before the next repair; zero: it may be now.
  std::chrono::milliseconds peek(Time now) {
    const std::chrono::duration<double> passed = now - last_;
    left_ = std::min(kRepairsAtOnce, left_ + passed.count() * kRepairsPerSecond);
    last_ = now;
    if (left_ >= 1) return std::chrono::milliseconds(0);
    const std::chrono::duration<double> wait((1 - left_) / kRepairsPerSecond);
    return std::chrono::ceil<std::chrono::milliseconds>(wait);
  }
  /// One was made.
  void count() { left_ -= 1; }
  /// Whether there was rest enough to repair at once again.
  [[nodiscard]] bool is_rested() const { return left_ >= kRepairsAtOnce / 2; }

 private:
  double left_ = kRepairsAtOnce;
  Time last_{};
};

}  // namespace weir::init
