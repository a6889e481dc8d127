// SPDX-License-Identifier: Apache-2.0
// LazyBlock: statistics that take memory only once something is written to them.
#pragma once

#include <atomic>
#include <cstddef>

namespace weir::stats {

inline constexpr std::size_t kCacheLine = 64;

/// A block on cache lines of its own, so that two workers never write to the same line.
template <class Block>
struct alignas(kCacheLine) AlignedBlock : Block {};

/// get() by the owning thread only; peek() anywhere, while the LazyBlock lives.
template <class Block>
class LazyBlock {
 public:
  LazyBlock() = default;
  LazyBlock(const LazyBlock&) = delete;
  LazyBlock& operator=(const LazyBlock&) = delete;
  ~LazyBlock() { delete peek(); }

  /// Made on first use, then the same object for ever: the reference may be kept.
  Block& get() {
    Block* block = block_.load(std::memory_order_relaxed);
    return block != nullptr ? *block : make();
  }
  /// nullptr: never used.
  [[nodiscard]] const Block* peek() const noexcept {
    return block_.load(std::memory_order_acquire);
  }

 private:
  [[gnu::noinline]] Block& make() {
    auto* block = new Block();
    block_.store(block, std::memory_order_release);
    return *block;
  }

  std::atomic<Block*> block_{nullptr};
};

}  // namespace weir::stats
