// SPDX-License-Identifier: Apache-2.0
// Latencies in buckets whose width is at most 1/64 of their value, as HdrHistogram has them.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace bench {

class Histogram {
 public:
  void record(std::int64_t ns) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0));
    ++counts_[index_of(value)];
    ++total_;
    largest_ = std::max(largest_, value);
  }

  // The latency in ns below which `share` (0..1) of the records lie; 0 when nothing was recorded.
  std::uint64_t quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) return std::min(upper_bound(i), largest_);
    }
    return largest_;
  }

  std::uint64_t total() const { return total_; }
  std::uint64_t largest() const { return largest_; }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr std::uint64_t kSub = 1u << kSubBits;

  // Values below kSub have a bucket each; above, each power of two has kSub buckets.
  static std::size_t index_of(std::uint64_t value) {
    if (value < kSub) return value;
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kSubBits - 1;
    return (shift + 1) * kSub + ((value >> shift) - kSub);
  }

  static std::uint64_t upper_bound(std::size_t index) {
    if (index < kSub) return index;
    const std::uint64_t shift = index / kSub - 1;
    return ((index % kSub + kSub + 1) << shift) - 1;
  }

  std::array<std::uint32_t, (64 - kSubBits + 1) * kSub> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t largest_ = 0;
};

}  // namespace bench
