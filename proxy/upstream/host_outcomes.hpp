// SPDX-License-Identifier: Apache-2.0
// HostOutcomes: what became of the requests and connections to one host, as outlier detection
// counts it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/stats/counter.hpp"

namespace weir::upstream {

/// Failures in a row, over all workers. A success that finds a zero writes nothing.
class FailureStreak {
 public:
  /// @return whether this completes a row of `whole`: the next failure begins another.
  bool add(std::uint32_t whole) noexcept {
    if (length_.fetch_add(1, std::memory_order_relaxed) + 1 != whole) return false;
    // What others have added meanwhile stays.
    length_.fetch_sub(whole, std::memory_order_relaxed);
    return true;
  }
  void end() noexcept {
    if (length_.load(std::memory_order_relaxed) != 0) length_.store(0, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t length() const noexcept {
    return length_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint32_t> length_{0};
};

/// How many requests (external origin) and connects (local origin) one worker has seen, from the
/// beginning. Its own cache line. A success is counted before it is counted in the total, and the
/// total is read first: read in between, a host without failures has none.
struct alignas(64) OutcomeCounts {
  stats::Counter total, succeeded, local_total, local_succeeded;
};

struct HostOutcomes {
  FailureStreak errors_5xx, gateway_failures, local_failures;
  std::vector<OutcomeCounts> counts;  // one per worker; empty without outlier detection
  /// Percent, of the last interval; -1: too little traffic. Main thread only.
  double success_rate = -1;
  double local_success_rate = -1;
};

}  // namespace weir::upstream
