// SPDX-License-Identifier: Apache-2.0
// A rule of a lowered Ruleset ↔ an entry of a legacy table. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "init/rules/rule.hpp"

namespace weir::init {

/// The entry (ipt_entry or ip6t_entry with matches and target), counters zero. A jump's target is
/// the label without family and table, as libiptc wants it. `rule` must come from
/// lower_for_legacy() or decode_entry() without an Opaque.
std::vector<std::uint8_t> encode_entry(IpFamily family, const Rule& rule);

/// The rule that encode_entry() makes exactly this entry of; what it cannot say becomes Opaque.
/// `target` is libiptc's label: a chain, a verdict, an extension's name, or empty. `table` goes
/// before the names of chains (`ip/nat/`).
Rule decode_entry(IpFamily family, std::span<const std::uint8_t> entry, std::string_view target,
                  std::string_view table);

/// Ports that fit one multiport match; a range takes two. Source: xt_multiport.h, XT_MULTI_PORTS.
inline constexpr std::size_t kMultiportSlots = 15;
/// Addresses that one entry's match holds: a list is its hull less the gaps, each of which is one
/// iprange match (an entry for each address would cost the kernel three times the time).
inline constexpr std::size_t kAddressSlots = 16;
/// The same for IPv4 where the kernel has xt_u32: four tests, each of which leaves out nine gaps.
inline constexpr std::size_t kAddressSlotsU32 = 37;
/// Longest chain name. Source: x_tables.h, XT_EXTENSION_MAXNAMELEN less the NUL.
inline constexpr std::size_t kChainNameLength = 28;
/// Whether two entries say the same, whatever they have counted; labels in place.
bool same_entry(IpFamily family, std::span<const std::uint8_t> left,
                std::span<const std::uint8_t> right);

/// What the names of our chains begin with.
inline constexpr std::string_view kChainPrefix = "WEIR_";
/// Longest comment. Source: xt_comment.h, XT_MAX_COMMENT_LEN less the NUL.
inline constexpr std::size_t kCommentLength = 255;

/// Length of the prefix that is exactly this interval of `size` bytes.
std::optional<unsigned> prefix_length(const Interval& interval, std::size_t size);
/// The operand of a lowered match as an interval; a Key is one value, a list gives its hull.
Interval operand_interval(const Match& match);
/// What lies between the intervals of a sorted list of values of `size` bytes.
std::vector<Interval> gaps_between(const std::vector<Interval>& list, std::size_t size);
/// The narrowest prefix that holds the interval.
Interval covering_prefix(const Interval& interval, std::size_t size);

}  // namespace weir::init
