// SPDX-License-Identifier: Apache-2.0
// The values that rules compare with: what can make a difference to a packet. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "init/rules/redirect_config.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

struct RuleValues {
  std::set<Interval> v4, v6, ports;
  std::set<Interval> uids;  // single ones and ranges
  std::set<Interval> gids;
};

/// Of a long list both ends and the middle: its rule is one rule, and reading it back compares
/// every element.
RuleValues values_of(const Ruleset& rules);

/// The first ID of each interval that is in `map` (is_mapped()).
std::vector<std::uint32_t> named_ids(const std::set<Interval>& named,
                                     const std::vector<IdRange>& map);
/// The first IDs of the intervals that have none in `map`: who cannot be tried.
std::vector<std::uint32_t> unmapped_ids(const std::set<Interval>& named,
                                        const std::vector<IdRange>& map);
/// Somebody in `map` whom no rule names, an ordinary user (1000 and up) where there is one; nothing
/// when everybody is named.
std::optional<std::uint32_t> unnamed_id(const std::set<Interval>& named,
                                        const std::vector<IdRange>& map);

}  // namespace weir::init
