// SPDX-License-Identifier: Apache-2.0
#include "init/rules/interval.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace weir::init {

Key address_key(const IpAddress& address) {
  Key key;
  std::memcpy(key.bytes.data(), address.bytes().data(), address.size());
  return key;
}

Key port_key(std::uint16_t port) {
  Key key;
  key.bytes[0] = static_cast<std::uint8_t>(port >> 8);
  key.bytes[1] = static_cast<std::uint8_t>(port);
  return key;
}

Key id_key(std::uint32_t id) {
  Key key;
  for (unsigned i = 0; i < 4; ++i) key.bytes[i] = static_cast<std::uint8_t>(id >> (24 - 8 * i));
  return key;
}

Key name_key(std::string_view name) {
  assert(name.size() < 16);
  Key key;
  std::memcpy(key.bytes.data(), name.data(), name.size());
  return key;
}

Key byte_key(std::uint8_t value) {
  Key key;
  key.bytes[0] = value;
  return key;
}

bool increment(Key& key, std::size_t size) {
  for (std::size_t i = size; i-- > 0;)
    if (++key.bytes[i] != 0) return true;
  return false;
}

void decrement(Key& key, std::size_t size) {
  for (std::size_t i = size; i-- > 0;)
    if (key.bytes[i]-- != 0) return;
  assert(false);
}

bool is_highest(const Key& key, std::size_t size) {
  return std::all_of(key.bytes.begin(), key.bytes.begin() + static_cast<std::ptrdiff_t>(size),
                     [](std::uint8_t b) { return b == 0xff; });
}

void merge_intervals(std::vector<Interval>& intervals, std::size_t size) {
  if (!std::is_sorted(intervals.begin(), intervals.end()))
    std::sort(intervals.begin(), intervals.end());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    if (kept > 0) {
      Interval& before = intervals[kept - 1];
      Key next = before.last;
      // No next value: `before` reaches the top and swallows all that follows.
      if (!increment(next, size) || intervals[i].first <= next) {
        before.last = std::max(before.last, intervals[i].last);
        continue;
      }
    }
    intervals[kept++] = intervals[i];
  }
  intervals.resize(kept);
}

std::vector<Interval> aggregate(const std::vector<CidrRange>& ranges, IpFamily family) {
  std::vector<Interval> intervals;
  intervals.reserve(ranges.size());
  for (const CidrRange& range : ranges)
    if (range.address().family() == family)
      intervals.push_back({address_key(range.address()), address_key(range.last())});
  merge_intervals(intervals, family == IpFamily::v4 ? 4 : 16);
  return intervals;
}

std::vector<Interval> port_intervals(const PortSet& ports) {
  assert(!ports.is_all());
  std::vector<Interval> intervals;
  for (const PortRange& range : ports.ranges())
    intervals.push_back({port_key(range.first), port_key(range.last)});
  return intervals;
}

std::vector<Interval> interface_intervals(const std::vector<InterfacePattern>& patterns) {
  std::vector<Interval> intervals;
  for (const InterfacePattern& pattern : patterns) {
    Interval interval{name_key(pattern.name), name_key(pattern.name)};
    if (pattern.prefix)
      std::fill(interval.last.bytes.begin() + static_cast<std::ptrdiff_t>(pattern.name.size()),
                interval.last.bytes.end(), std::uint8_t{0xff});
    intervals.push_back(interval);
  }
  merge_intervals(intervals, 16);
  return intervals;
}

std::vector<Interval> id_intervals(const std::vector<IdRange>& ranges) {
  std::vector<Interval> intervals;
  for (const IdRange& range : ranges)
    intervals.push_back({id_key(range.first), id_key(range.last)});
  merge_intervals(intervals, key_size(KeyType::uid_range));
  return intervals;
}

std::vector<Interval> id_elements(const std::vector<std::uint32_t>& ids) {
  std::vector<Interval> elements;
  for (const std::uint32_t id : ids) elements.push_back({id_key(id), id_key(id)});
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  return elements;
}

}  // namespace weir::init
