// SPDX-License-Identifier: Apache-2.0
// Circuit breakers: how much of a cluster is in use, over all workers, against its limits.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "proxy/config/cluster_config.hpp"

namespace weir::upstream {

/// core.v3.RoutingPriority: which of the cluster's two sets of limits counts.
enum class LimitPriority : std::uint8_t { normal, high };

/// What is in use of one cluster at one priority. On a cache line of its own: every worker writes.
struct alignas(64) LimitCounts {
  std::atomic<std::uint32_t> connections{0};
  std::atomic<std::uint32_t> pending_requests{0};
  std::atomic<std::uint32_t> requests{0};
  std::atomic<std::uint32_t> retries{0};
};

/// Of both priorities, by LimitPriority.
class ClusterLimits {
 public:
  LimitCounts& operator[](LimitPriority priority) noexcept {
    return counts_[static_cast<std::size_t>(priority)];
  }
  const LimitCounts& operator[](LimitPriority priority) const noexcept {
    return counts_[static_cast<std::size_t>(priority)];
  }

 private:
  std::array<LimitCounts, 2> counts_;
};

/// Takes one of `limit` places; give it back by subtracting one. Exact: never more than `limit` are
/// taken. Any thread.
inline bool take_place(std::atomic<std::uint32_t>& count, std::uint32_t limit) noexcept {
  if (count.fetch_add(1, std::memory_order_relaxed) < limit) return true;
  count.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

/// One place under a limit, given back when destroyed. A value; any thread.
class LimitUse {
 public:
  LimitUse() = default;
  LimitUse(LimitUse&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  LimitUse& operator=(LimitUse&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~LimitUse() { reset(); }

  /// nullopt: `limit` places are taken. `count` outlives the use.
  static std::optional<LimitUse> take(std::atomic<std::uint32_t>& count,
                                      std::uint32_t limit) noexcept {
    if (!take_place(count, limit)) return std::nullopt;
    return LimitUse(count);
  }

  void reset() noexcept {
    if (count_ != nullptr) count_->fetch_sub(1, std::memory_order_relaxed);
    count_ = nullptr;
  }
  explicit operator bool() const noexcept { return count_ != nullptr; }

 private:
  explicit LimitUse(std::atomic<std::uint32_t>& count) noexcept : count_(&count) {}
  std::atomic<std::uint32_t>* count_ = nullptr;
};

/// How many retries may be under way: max_retries, or the budget's share of the requests that are
/// active and pending, but at least its minimum.
std::uint32_t retry_limit(const config::CircuitBreakerConfig& limits, const LimitCounts& counts);

}  // namespace weir::upstream
