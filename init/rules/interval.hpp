// SPDX-License-Identifier: Apache-2.0
// Values → set elements: sorted, merged, disjoint. The kernel refuses overlapping intervals, so
// merging is ours to do.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/ip.hpp"
#include "common/port_set.hpp"
#include "init/rules/redirect_config.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

Key address_key(const IpAddress& address);
Key port_key(std::uint16_t port);     // host order
Key id_key(std::uint32_t id);         // uid or gid, host order
Key name_key(std::string_view name);  // at most 15 bytes
Key byte_key(std::uint8_t value);     // protocol numbers

/// The prefixes of one family as intervals; overlapping and adjacent ones become one. O(n log n).
std::vector<Interval> aggregate(const std::vector<CidrRange>& ranges, IpFamily family);
/// `ports` must not be `*`.
std::vector<Interval> port_intervals(const PortSet& ports);
std::vector<Interval> interface_intervals(const std::vector<InterfacePattern>& patterns);
/// One interval for each distinct id.
std::vector<Interval> id_elements(const std::vector<std::uint32_t>& ids);

std::vector<Interval> id_intervals(const std::vector<IdRange>& ranges);

/// Sorts, merges what overlaps or touches. `size` is the key size in bytes.
void merge_intervals(std::vector<Interval>& intervals, std::size_t size);

/// The next value, or false when `key` is the highest. Carries over `size` bytes.
bool increment(Key& key, std::size_t size);
/// The previous value; `key` must not be zero.
void decrement(Key& key, std::size_t size);
/// True when every one of the first `size` bytes is 0xff.
bool is_highest(const Key& key, std::size_t size);

}  // namespace weir::init
