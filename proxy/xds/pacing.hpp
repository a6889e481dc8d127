// SPDX-License-Identifier: Apache-2.0
// When the next attempt, or the next request, may be made.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir::xds {

/// Exponential, with full jitter: each wait is anything up to a bound that doubles.
class Backoff {
 public:
  Backoff(std::chrono::milliseconds base, std::chrono::milliseconds most)
      : base_(std::max(base, std::chrono::milliseconds(1))),
        most_(std::max(most, base_)),
        bound_(base_) {}

  /// `random`: any number.
  std::chrono::milliseconds next(std::uint64_t random) {
    const auto wait = std::chrono::milliseconds(
        static_cast<std::int64_t>(random % static_cast<std::uint64_t>(bound_.count())));
    bound_ = std::min(bound_ * 2, most_);
    return wait;
  }
  void reset() noexcept { bound_ = base_; }
  /// next() returns less.
  [[nodiscard]] std::chrono::milliseconds bound() const noexcept { return bound_; }

 private:
  std::chrono::milliseconds base_;
  std::chrono::milliseconds most_;
  std::chrono::milliseconds bound_;
};

/// core.v3.RateLimitSettings; the defaults are Envoy's.
struct RateLimit {
  std::uint32_t max_tokens = 100;
  double tokens_per_second = 10;
};

class TokenBucket {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  /// `limit`: at least one token, a rate above zero.
  explicit TokenBucket(const RateLimit& limit) : limit_(limit), tokens_(limit.max_tokens) {}

  bool take(TimePoint now) {
    fill(now);
    // A token that is there but for the error of counting is there.
    if (tokens_ < 1 - kSlack) return false;
    tokens_ = std::max(0.0, tokens_ - 1);
    return true;
  }
  /// When take() may succeed; after it did not.
  [[nodiscard]] TimePoint next() const {
    const std::chrono::duration<double> wait((1 - tokens_) / limit_.tokens_per_second);
    return filled_ + std::chrono::ceil<std::chrono::milliseconds>(wait);
  }

 private:
  static constexpr double kSlack = 1e-6;
  void fill(TimePoint now) {
    const std::chrono::duration<double> passed = now - filled_;
    if (started_)
      tokens_ =
          std::min<double>(limit_.max_tokens, tokens_ + passed.count() * limit_.tokens_per_second);
    started_ = true;
    filled_ = now;
  }

  RateLimit limit_;
  double tokens_;
  TimePoint filled_{};
  bool started_ = false;
};

}  // namespace weir::xds
