// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/entry_layout.hpp"

#include "init/legacy/entry.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {

Interval operand_interval(const Match& match) {
  if (const auto* key = std::get_if<Key>(&match.operand)) return {*key, *key};
  const auto& ranges = std::get<std::vector<Interval>>(match.operand);
  return {ranges.front().first, ranges.back().last};
}

bool is_single_range(const Match& match) {
  const auto* ranges = std::get_if<std::vector<Interval>>(&match.operand);
  return ranges == nullptr || ranges->size() == 1;
}

std::optional<unsigned> prefix_length(const Interval& interval, std::size_t size) {
  unsigned length = 0;
  std::size_t i = 0;
  for (; i < size && interval.first.bytes[i] == interval.last.bytes[i]; ++i) length += 8;
  if (i == size) return length;
  unsigned low = interval.first.bytes[i] ^ interval.last.bytes[i];
  // The low bits, all of them, and nothing else.
  if ((low & (low + 1)) != 0 || (interval.first.bytes[i] & low) != 0) return std::nullopt;
  for (length += 8; low != 0; low >>= 1) --length;
  for (++i; i < size; ++i)
    if (interval.first.bytes[i] != 0 || interval.last.bytes[i] != 0xff) return std::nullopt;
  return length;
}

std::vector<Interval> gaps_between(const std::vector<Interval>& list, std::size_t size) {
  std::vector<Interval> gaps;
  for (std::size_t i = 1; i < list.size(); ++i) {
    Interval gap{list[i - 1].last, list[i].first};
    increment(gap.first, size);
    decrement(gap.last, size);
    gaps.push_back(gap);
  }
  return gaps;
}

Interval covering_prefix(const Interval& interval, std::size_t size) {
  Interval cover = interval;
  bool inside = false;
  for (std::size_t i = 0; i < size; ++i) {
    unsigned low = interval.first.bytes[i] ^ interval.last.bytes[i];
    for (const unsigned shift : {1U, 2U, 4U}) low |= low >> shift;
    if (inside) low = 0xff;
    inside = inside || low != 0;
    cover.first.bytes[i] &= static_cast<std::uint8_t>(~low);
    cover.last.bytes[i] |= static_cast<std::uint8_t>(low);
  }
  return cover;
}

int match_rank(const Match& match) {
  const int rank = static_cast<int>(match.field) * 2;
  switch (match.field) {
    case Field::ip_saddr:
    case Field::ip_daddr:
      return rank + (prefix_length(operand_interval(match), 4) ? 0 : 1);
    case Field::ip6_saddr:
    case Field::ip6_daddr:
      return rank + (prefix_length(operand_interval(match), 16) ? 0 : 1);
    default:
      return rank + (is_single_range(match) ? 0 : 1);
  }
}

}  // namespace weir::init
