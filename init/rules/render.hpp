// SPDX-License-Identifier: Apache-2.0
// Ruleset → text that `nft -f` accepts. Pure.
#pragma once

#include <string>

#include "init/rules/rule.hpp"

namespace weir::init {

/// The whole transaction: replaces whatever table of ours is there, in one go. Loading it gives the
/// same `nft list ruleset` as installing `ruleset` does.
std::string render_ruleset(const Ruleset& ruleset);

/// The transaction of --cleanup-only; it succeeds whether or not the table is there.
std::string render_removal();

/// One rule as nft lists it, without counter values and comment.
std::string render_rule(const Rule& rule);

/// One element: `80`, `8000-8010`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, `"eth0"`, `"br*"`.
std::string render_interval(KeyType type, const Interval& interval);

}  // namespace weir::init
