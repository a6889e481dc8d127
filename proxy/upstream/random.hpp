// SPDX-License-Identifier: Apache-2.0
// Random: a small, fast, seedable source of numbers for choices that need no secrecy.
#pragma once

#include <cstdint>

namespace weir::upstream {

/// SplitMix64. A value: copy it to repeat a sequence. One thread each.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  /// 0 … bound - 1, bound ≥ 1. The bias of at most bound / 2^32 is far below what load balancing
  /// can notice.
  std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

 private:
  std::uint64_t state_;
};

}  // namespace weir::upstream
