// SPDX-License-Identifier: Apache-2.0
// A rule and a packet in a few words: what it did, or why it did nothing. Pure.
#pragma once

#include <string>

#include "init/rules/evaluate.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// "chain outbound, rule 3": counted from 1.
std::string place_text(const RulePlace& place);

/// Why the rule did not take the packet: "port 443, not 80". Empty when it did.
std::string reason_text(const Rule& rule, const RuleVisit& visit);

/// What the rule did, in nft's words: "goto outbound".
std::string verdict_text(const Rule& rule);

/// One line: sign, place, comment, and what it did or why not.
std::string visit_text(const Ruleset& rules, const RuleVisit& visit);

}  // namespace weir::init
