// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/lower_match.hpp"
#include "init/rules/interval.hpp"

namespace weir::init {
namespace {

bool bit(const Key& key, unsigned at) { return (key.bytes[at / 8] & (0x80U >> at % 8)) != 0; }

// The last value of the prefix of `length` bits that `first` begins.
Key last_of_prefix(const Key& first, unsigned length, std::size_t size) {
  Key last = first;
  for (unsigned i = length; i < size * 8; ++i)
    last.bytes[i / 8] = static_cast<std::uint8_t>(last.bytes[i / 8] | 0x80U >> i % 8);
  return last;
}

// The shortest prefix that begins at `range.first` and does not pass its end.
Interval widest_prefix(const Interval& range, std::size_t size, unsigned step) {
  auto length = static_cast<unsigned>(size * 8);
  Key last = range.first;
  while (length >= step) {
    // A prefix one step shorter begins here only when the bits that it loses are zero.
    bool aligned = true;
    for (unsigned i = length - step; i < length; ++i) aligned = aligned && !bit(range.first, i);
    const Key wider = last_of_prefix(range.first, length - step, size);
    if (!aligned || wider > range.last) break;
    last = wider;
    length -= step;
  }
  return {range.first, last};
}

}  // namespace

std::vector<Interval> split_into_prefixes(const std::vector<Interval>& intervals, std::size_t size,
                                          unsigned step) {
  std::vector<Interval> prefixes;
  prefixes.reserve(intervals.size());
  for (Interval rest : intervals) {
    for (;;) {
      const Interval prefix = widest_prefix(rest, size, step);
      prefixes.push_back(prefix);
      if (prefix.last == rest.last) break;
      rest.first = prefix.last;
      increment(rest.first, size);
    }
  }
  return prefixes;
}

}  // namespace weir::init
