// SPDX-License-Identifier: Apache-2.0
// Lowered rules → text that iptables-restore and ip6tables-restore accept. Pure.
#pragma once

#include <string>

#include "init/rules/rule.hpp"

namespace weir::init {

/// The tables of one family, for `iptables-restore --noflush` or `ip6tables-restore --noflush`.
/// Loading it into tables without chains of ours gives what installing `lowered` does. Empty when
/// the family has no rules.
std::string render_legacy(const Ruleset& lowered, IpFamily family);

/// Both, each under a line that says which program takes it.
std::string render_legacy(const Ruleset& lowered);

/// The rule's options, without `-A CHAIN`.
std::string render_legacy_rule(const Rule& rule, IpFamily family);

}  // namespace weir::init
