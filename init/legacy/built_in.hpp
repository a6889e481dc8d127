// SPDX-License-Identifier: Apache-2.0
// The built-in chains of the legacy tables that rules of ours hang in.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "init/rules/rule.hpp"

namespace weir::init {

struct BuiltInChain {
  std::string_view table;
  std::string_view name;
  Hook hook{};
  int priority = 0;
  ChainType type{};
};

/// In the order of the tables, then of the hooks. Source: linux/netfilter_ipv4.h, enum
/// nf_ip_hook_priorities; the tables' valid hooks.
std::span<const BuiltInChain> built_in_chains();

/// nullptr: no rules of ours hang there.
const BuiltInChain* find_built_in(std::string_view table, std::string_view name);

/// The table for a plan's base chain. What comes before connection tracking (-200) is raw; NAT at
/// the output (-100) parts what sees the first destination from what sees the last.
std::string_view table_for(const BaseHook& base);

}  // namespace weir::init
