// SPDX-License-Identifier: Apache-2.0
// Longest-prefix match over IPv4 and IPv6 prefixes.
#pragma once

#include <algorithm>
#include <vector>

#include "common/ip.hpp"

namespace weir {

/// Maps prefixes to values; `find` returns the value of the longest prefix that contains an
/// address. Built once, then read by any thread. Lookup costs one binary search per distinct prefix
/// length.
template <class T>
class PrefixMap {
 public:
  /// Returns the value stored for exactly `range`, inserting a default-constructed one when absent.
  T& operator[](const CidrRange& range) {
    Level& level = level_for(range.address().family(), range.length());
    const auto at =
        std::lower_bound(level.entries.begin(), level.entries.end(), range.address(), Before{});
    if (at != level.entries.end() && at->address == range.address()) return at->value;
    return level.entries.insert(at, Entry{range.address(), T{}})->value;
  }

  /// Value of the longest prefix containing `address`, or nullptr. Valid until the map changes.
  [[nodiscard]] const T* find(const IpAddress& address) const {
    for (const Level& level : levels_) {
      if (level.family != address.family()) continue;
      const IpAddress network = CidrRange(address, level.length).address();
      const auto at =
          std::lower_bound(level.entries.begin(), level.entries.end(), network, Before{});
      if (at != level.entries.end() && at->address == network) return &at->value;
    }
    return nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return levels_.empty(); }

  /// Calls `visit(CidrRange, const T&)` for every entry, longest prefixes first.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Level& level : levels_)
      for (const Entry& entry : level.entries)
        visit(CidrRange(entry.address, level.length), entry.value);
  }

 private:
  struct Entry {
    IpAddress address;
    T value;
  };
  struct Before {
    bool operator()(const Entry& entry, const IpAddress& address) const {
      return entry.address < address;
    }
  };
  struct Level {
    IpFamily family;
    unsigned length;
    std::vector<Entry> entries;  // sorted by address
  };

  Level& level_for(IpFamily family, unsigned length) {
    const auto at = std::find_if(levels_.begin(), levels_.end(), [&](const Level& l) {
      return l.length < length || (l.length == length && l.family >= family);
    });
    if (at != levels_.end() && at->length == length && at->family == family) return *at;
    return *levels_.insert(at, Level{family, length, {}});
  }

  std::vector<Level> levels_;  // longest first
};

}  // namespace weir
