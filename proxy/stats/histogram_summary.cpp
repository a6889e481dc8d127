// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/histogram_summary.hpp"

#include <cmath>

#include "proxy/stats/histogram.hpp"

namespace weir::stats {
namespace {

struct Bin {
  double left = 0;
  double width = 0;
};

/// Computed in the order in which Envoy does, so that the same digits come out.
Bin bin_at(std::size_t index) {
  if (index == 0) return {};
  if (index < Histogram::kSmall) return {static_cast<double>(index), 0.1};
  const std::size_t past = index - Histogram::kSmall;
  const double tenths = static_cast<double>(past % Histogram::kPerPower + 10);
  double scale = 10;
  for (std::size_t power = past / Histogram::kPerPower; power > 0; --power) scale *= 10;
  return {tenths / 10.0 * scale, scale / 10.0};
}

/// The middle that is as far from both ends, relative to them.
double middle_of(const Bin& bin) {
  if (bin.left == 0) return 0;
  return bin.left + bin.width * (bin.left / (2 * bin.left + bin.width));
}

}  // namespace

HistogramSummary summarize(std::span<const std::uint64_t> counts) {
  HistogramSummary out;
  for (const std::uint64_t count : counts) out.count += count;
  std::size_t quantile = 0;
  std::uint64_t before = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const Bin bin = bin_at(i);
    const auto in_bin = static_cast<double>(counts[i]);
    out.sum += in_bin * middle_of(bin);
    for (std::size_t b = 0; b < out.kBounds.size(); ++b)
      if (bin.left <= out.kBounds[b]) out.at_most[b] += counts[i];
    // The values of a bin are taken to lie at even distances in it.
    for (; quantile < out.kQuantiles.size(); ++quantile) {
      const double rank =
          std::fmax(1, std::ceil(out.kQuantiles[quantile] * static_cast<double>(out.count)));
      const double in = rank - static_cast<double>(before);
      if (in > in_bin) break;
      out.quantiles[quantile] = bin.left + bin.width * in / (in_bin + 1);
    }
    before += counts[i];
  }
  return out;
}

}  // namespace weir::stats
