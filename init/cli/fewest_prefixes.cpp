// SPDX-License-Identifier: Apache-2.0
#include "init/cli/fewest_prefixes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace weir::init {
namespace {

// Two halves of one prefix.
bool are_halves(const CidrRange& low, const CidrRange& high) {
  if (low.length() == 0 || low.length() != high.length() || low == high) return false;
  const unsigned length = low.length() - 1;
  return low.address().family() == high.address().family() &&
         CidrRange(low.address(), length) == CidrRange(high.address(), length);
}

// Sorts as (family, address, length) do, by numbers instead of bytes.
struct Keyed {
  std::array<std::uint64_t, 2> address;  // its two halves in host order
  std::uint32_t family_and_length = 0;
  std::uint32_t index = 0;

  bool operator<(const Keyed& other) const {
    if (family_and_length >> 8 != other.family_and_length >> 8)
      return family_and_length >> 8 < other.family_and_length >> 8;
    if (address != other.address) return address < other.address;
    return family_and_length < other.family_and_length;
  }
};

std::vector<CidrRange> sorted(const std::vector<CidrRange>& ranges) {
  std::vector<Keyed> keys;
  keys.reserve(ranges.size());
  for (const CidrRange& range : ranges) {
    Keyed key{{}, static_cast<std::uint32_t>(range.address().family()) << 8 | range.length(), 0};
    for (std::size_t i = 0; i < range.address().size(); ++i)
      key.address[i / 8] |= std::uint64_t{range.address().bytes()[i]} << (56 - 8 * (i % 8));
    key.index = static_cast<std::uint32_t>(keys.size());
    keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<CidrRange> in_order;
  in_order.reserve(keys.size());
  for (const Keyed& key : keys) in_order.push_back(ranges[key.index]);
  return in_order;
}

}  // namespace

std::vector<CidrRange> fewest_prefixes(const std::vector<CidrRange>& ranges) {
  std::vector<CidrRange> kept;
  for (const CidrRange& range : sorted(ranges)) {
    if (!kept.empty() && kept.back().contains(range.address()) &&
        kept.back().length() <= range.length())
      continue;
    kept.push_back(range);
    while (kept.size() > 1 && are_halves(kept[kept.size() - 2], kept.back())) {
      kept.pop_back();
      kept.back() = CidrRange(kept.back().address(), kept.back().length() - 1);
    }
  }
  return kept;
}

}  // namespace weir::init
