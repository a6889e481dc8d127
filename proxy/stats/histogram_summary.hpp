// SPDX-License-Identifier: Apache-2.0
// HistogramSummary: what is told of a histogram: quantiles, cumulative buckets, sum and count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace weir::stats {

/// Envoy's numbers from the same bins. Plain values.
struct HistogramSummary {
  static constexpr std::array<double, 10> kQuantiles = {0,   .25, .5,   .75,  .9,
                                                        .95, .99, .995, .999, 1};
  static constexpr std::array<double, 10> kPercentiles = {0,  25, 50,   75,   90,
                                                          95, 99, 99.5, 99.9, 100};
  /// Upper bounds; the last bucket, +Inf, is `count`.
  static constexpr std::array<double, 19> kBounds = {
      0.5,  1,    5,     10,    25,    50,     100,    250,     500,    1000,
      2500, 5000, 10000, 30000, 60000, 300000, 600000, 1800000, 3600000};

  std::uint64_t count = 0;
  double sum = 0;
  std::array<double, kQuantiles.size()> quantiles{};
  /// How many values were at most the bound, or in the bin that it is the lower end of.
  std::array<std::uint64_t, kBounds.size()> at_most{};
};

/// `counts` by bin, as Histogram::add_to() fills them; at least one is not 0.
HistogramSummary summarize(std::span<const std::uint64_t> counts);

}  // namespace weir::stats
