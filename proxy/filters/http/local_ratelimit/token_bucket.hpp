// SPDX-License-Identifier: Apache-2.0
// TokenBucket: tokens that come back with time, shared by all threads without a lock.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>

namespace weir::filters {

/// Full at first. Tokens come back evenly, not in steps; their state is the one moment at which the
/// bucket would have been empty. Any thread; `now` may lag a little behind another thread's.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  /// `tokens_per_fill` ≥ 1 tokens every `fill_interval` > 0, at most `max_tokens`.
  TokenBucket(std::uint32_t max_tokens, std::uint32_t tokens_per_fill,
              std::chrono::milliseconds fill_interval) noexcept
      : max_tokens_(max_tokens),
        cost_(std::chrono::duration<double, std::nano>(fill_interval).count() / tokens_per_fill) {}

  /// Takes one token. False: there is none.
  bool take(Clock::time_point now) noexcept {
    std::int64_t empty_at = empty_at_.load(std::memory_order_relaxed);
    while (true) {
      const double tokens = tokens_since(empty_at, now);
      if (tokens < 1) return false;
      const auto next = nanoseconds_of(now) - static_cast<std::int64_t>((tokens - 1) * cost_);
      if (empty_at_.compare_exchange_weak(empty_at, next, std::memory_order_relaxed)) return true;
    }
  }

  [[nodiscard]] std::uint32_t max_tokens() const noexcept { return max_tokens_; }
  /// Whole ones.
  [[nodiscard]] std::uint64_t tokens(Clock::time_point now) const noexcept {
    return static_cast<std::uint64_t>(std::max(0.0, tokens_now(now)));
  }
  /// Until there is a token: rounded up, 0 when there is one.
  [[nodiscard]] std::uint64_t seconds_to_next(Clock::time_point now) const noexcept {
    const double missing = (1 - tokens_now(now)) * cost_;
    return missing <= 0 ? 0 : static_cast<std::uint64_t>((missing + 1e9 - 1) / 1e9);
  }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();
  /// Against the error of rounding to nanoseconds: nobody waits another turn for it.
  static constexpr double kRounding = 1e-6;

  static std::int64_t nanoseconds_of(Clock::time_point time) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  }
  [[nodiscard]] double tokens_since(std::int64_t empty_at, Clock::time_point now) const noexcept {
    if (empty_at == kNever) return max_tokens_;
    const auto passed = static_cast<double>(nanoseconds_of(now) - empty_at);
    return std::min<double>(max_tokens_, passed / cost_ + kRounding);
  }
  [[nodiscard]] double tokens_now(Clock::time_point now) const noexcept {
    return tokens_since(empty_at_.load(std::memory_order_relaxed), now);
  }

  const std::uint32_t max_tokens_;
  const double cost_;  // nanoseconds a token
  std::atomic<std::int64_t> empty_at_{kNever};
};

}  // namespace weir::filters
