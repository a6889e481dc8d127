// SPDX-License-Identifier: Apache-2.0
// ResponsePace: when the pieces of a body may go that passes at a limited rate. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir::filters {

/// One slice of bytes every sixteenth of a second, the first at once, as Envoy does it. A piece
/// goes as a whole when its last byte may: the rate holds at the end of each piece.
class ResponsePace {
 public:
  using Clock = std::chrono::steady_clock;

  /// `kbps`: KiB/s, ≥ 1.
  explicit ResponsePace(std::uint64_t kbps) noexcept
      : slice_(std::max<std::uint64_t>(std::min(kbps, kMost) * 1024 / kSlices, 1)) {}

  /// How long the next `bytes` have to wait.
  Clock::duration wait_for(std::uint64_t bytes, Clock::time_point now) noexcept {
    if (bytes == 0) return {};
    if (now >= start_ + kSlice * (sent_ / slice_ + 1)) {  // all that went is paid for
      start_ = now;
      sent_ = 0;
    }
    sent_ += bytes;
    const auto due = start_ + kSlice * ((sent_ - 1) / slice_);
    return std::max<Clock::duration>(due - now, {});
  }

 private:
  static constexpr std::uint64_t kSlices = 16;  // a second
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
  static constexpr Clock::duration kSlice = std::chrono::microseconds(1'000'000 / kSlices);

  std::uint64_t slice_;
  std::uint64_t sent_ = 0;  // since start_
  Clock::time_point start_{};
};

}  // namespace weir::filters
