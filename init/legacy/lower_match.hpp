// SPDX-License-Identifier: Apache-2.0
// The matches of one rule, as legacy entries can hold them. Pure.
#pragma once

#include <vector>

#include "init/rules/rule.hpp"

namespace weir::init {

/// Where a rule is lowered to.
struct LegacyPlace {
  IpFamily family{};
  Hook hook{};
  std::size_t address_slots = 0;  // addresses that one match may list
};

/// A match that one entry cannot hold. With `negated` none of the alternatives may hold, else one
/// must.
struct Choice {
  Field field{};
  bool negated = false;
  std::vector<Interval> intervals;  // sorted, disjoint
  std::vector<Match> alternatives;  // as entries' matches; empty for addresses, which make a tree
};

/// All of it must hold.
struct LoweredMatches {
  bool never = false;         // no packet of this place can meet the rule
  std::vector<Match> single;  // in the order of match_rank(); one entry holds them all
  std::vector<Choice> choices;
};

/// `sets` is where the names in `matches` are looked up.
LoweredMatches lower_matches(const std::vector<std::variant<Match, Opaque>>& matches,
                             const Ruleset& sets, const LegacyPlace& place);

/// The order that decode_entry() gives.
void sort_by_rank(std::vector<Match>& matches);

/// The operand's values, sorted and merged.
std::vector<Interval> operand_values(const Match& match, const Ruleset& sets);

/// Disjoint prefixes that cover exactly the intervals, in order. `size` is the key's in bytes;
/// every prefix is a multiple of `step` bits long.
std::vector<Interval> split_into_prefixes(const std::vector<Interval>& intervals, std::size_t size,
                                          unsigned step);

}  // namespace weir::init
