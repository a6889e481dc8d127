// SPDX-License-Identifier: Apache-2.0
// A long list of addresses as a tree of chains: a packet meets some dozens of rules, however long
// the list is. Pure.
#pragma once

#include <string>
#include <vector>

#include "init/legacy/lowered_table.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// Where packets to (or from) a prefix go on.
struct PrefixTarget {
  Interval prefix;
  std::string chain;  // empty: back to the built-in chain
};

/// Rules of a chain of the tree, each for a narrower prefix or for a list of addresses.
/// Fewer make a deeper tree of more chains, each of which costs the kernel two entries more; more
/// make each step longer.
inline constexpr std::size_t kTreeFanOut = 16;

/// Adds the tree to `table`. `targets` are sorted, disjoint prefixes, at least one. @return the
/// root's name; a rule lists up to `slots` addresses; addresses in none of the prefixes go on in
/// `miss`.
std::string add_address_tree(LoweredTable& table, Field field, std::size_t slots,
                             std::string_view base_name, const std::vector<PrefixTarget>& targets,
                             const std::string& miss);

}  // namespace weir::init
