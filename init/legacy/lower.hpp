// SPDX-License-Identifier: Apache-2.0
// Ruleset → the Ruleset that iptables-legacy's tables can hold: the same decisions without sets and
// maps, one table per purpose and family. Pure.
#pragma once

#include <string>
#include <vector>

#include "init/rules/rule.hpp"

namespace weir::init {

/// Chains are named `ip/nat/WEIR_OUTPUT`: family (`ip`, `ip6`), table, chain. A chain with a base
/// is one that a jump in the built-in chain of its hook leads to; its family is set and its
/// priority is the table's. There are no sets, maps and timeouts, a match has a Key or intervals,
/// and a long list of destinations is a tree of chains. Rules that cannot hold for a family are
/// left out of it. evaluate() answers the same for both, but for what the legacy tables cannot do
/// at all, which is left out: connection tracking timeouts.
/// `u32`: the kernel has that extension, which holds long lists of IPv4 addresses best.
Ruleset lower_for_legacy(const Ruleset& rules, bool u32 = true);

/// What of `rules` lower_for_legacy() leaves out, a line each, for the report.
std::vector<std::string> legacy_omissions(const Ruleset& rules);

}  // namespace weir::init
