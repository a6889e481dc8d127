// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/histogram.hpp"

#include <algorithm>
#include <cassert>

namespace weir::stats {

void Histogram::record_large(Bins& bins, std::uint64_t value) {
  std::size_t power = 0;
  while (value >= 100 && power + 1 < kPowers) {
    value /= 10;
    ++power;
  }
  bins.powers[power].get().bins[std::min<std::uint64_t>(value, 99) - kSmall].add();
}

bool Histogram::add_to(std::vector<std::uint64_t>& counts) const {
  assert(counts.size() == kBins);
  const Bins* bins = bins_.peek();
  if (bins == nullptr) return false;
  for (std::size_t i = 0; i < kSmall; ++i) counts[i] += bins->small[i].value();
  for (std::size_t p = 0; p < kPowers; ++p)
    if (const Power* power = bins->powers[p].peek())
      for (std::size_t i = 0; i < kPerPower; ++i)
        counts[kSmall + p * kPerPower + i] += power->bins[i].value();
  return true;
}

}  // namespace weir::stats
