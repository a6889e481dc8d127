// SPDX-License-Identifier: Apache-2.0
// Histogram: how often which value was recorded, in bins of two significant decimal digits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/stats/counter.hpp"
#include "proxy/stats/lazy_block.hpp"

namespace weir::stats {

/// The bins of Envoy's histograms, as far as whole numbers need them: 0, 1 … 9, then 90 per power
/// of ten: 10, 11 … 99, 100, 110 … 990. Values past the last bin count in it. record() by the
/// owning thread only; an unused one is a pointer, a power of ten without values takes no memory.
class Histogram {
 public:
  static constexpr std::size_t kSmall = 10;
  static constexpr std::size_t kPerPower = 90;
  static constexpr std::size_t kPowers = 9;  // to 9.9e9
  static constexpr std::size_t kBins = kSmall + kPerPower * kPowers;

  void record(std::uint64_t value) {
    Bins& bins = bins_.get();
    if (value < kSmall) {
      bins.small[value].add();
    } else {
      record_large(bins, value);
    }
  }

  [[nodiscard]] bool used() const noexcept { return bins_.peek() != nullptr; }
  /// Adds this histogram's counts to `counts`, which has kBins entries, by bin. Any thread.
  /// @return whether there is any.
  bool add_to(std::vector<std::uint64_t>& counts) const;

 private:
  struct Power {
    std::array<Counter, kPerPower> bins;
  };
  struct Bins {
    std::array<Counter, kSmall> small;
    std::array<LazyBlock<Power>, kPowers> powers;
  };
  static void record_large(Bins& bins, std::uint64_t value);

  LazyBlock<Bins> bins_;
};

}  // namespace weir::stats
