// SPDX-License-Identifier: Apache-2.0
// Counters with one writer. A worker owns each; the main thread reads them while it renders
// statistics.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::stats {

/// Monotonic. add() by the owning thread only (plain load and store, no locked instruction);
/// value() anywhere.
class Counter {
 public:
  void add(std::uint64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. Same threads as Counter.
class Gauge {
 public:
  void add(std::int64_t amount = 1) noexcept {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void sub(std::int64_t amount = 1) noexcept { add(-amount); }
  void set(std::int64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> value_{0};
};

}  // namespace weir::stats
