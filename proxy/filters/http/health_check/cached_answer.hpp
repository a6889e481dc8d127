// SPDX-License-Identifier: Apache-2.0
// CachedAnswer: what the application said to its last health check, for all workers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::filters {

/// Any thread. One word, so that status and age always belong together.
class CachedAnswer {
 public:
  using Clock = std::chrono::steady_clock;
  struct Answer {
    std::uint16_t status = 0;
    bool degraded = false;
  };

  /// nullopt: there is none, or it is `most` old.
  [[nodiscard]] std::optional<Answer> find(Clock::time_point now,
                                           std::chrono::milliseconds most) const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return std::nullopt;
    const std::int64_t age = milliseconds_of(now) - static_cast<std::int64_t>(word >> kStatusBits);
    if (age >= most.count()) return std::nullopt;
    return Answer{static_cast<std::uint16_t>(word & kStatusMask), (word & kDegraded) != 0};
  }
  void keep(const Answer& answer, Clock::time_point now) noexcept {
    word_.store(static_cast<std::uint64_t>(milliseconds_of(now)) << kStatusBits |
                    (answer.degraded ? kDegraded : 0) | (answer.status & kStatusMask),
                std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kStatusBits = 11;  // a status below 1024, and one bit more
  static constexpr std::uint64_t kStatusMask = 1023;
  static constexpr std::uint64_t kDegraded = 1024;
  static std::int64_t milliseconds_of(Clock::time_point time) noexcept {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  }
  std::atomic<std::uint64_t> word_{0};  // milliseconds, degraded, status
};

}  // namespace weir::filters
