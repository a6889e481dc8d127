// SPDX-License-Identifier: Apache-2.0
// Why a connection lands where it does, as a value and as text. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "init/rules/evaluate.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// Whether somebody takes what arrives for this endpoint; nothing when that cannot be known.
using ListensAt = std::function<std::optional<bool>(bool udp, const Endpoint& to)>;

struct Explanation {
  Packet packet;
  Decision decision;  // as if the proxy listened
  std::vector<RuleVisit> visits;
  std::optional<bool> listens;  // where it lands; absent: unknown, or nobody of ours to ask for
  bool held = false;  // nobody listens, and the rules let the client wait instead of refusing it
};

Explanation explain_packet(const Ruleset& rules, const Packet& packet, const ListensAt& listens);

/// The rule that led to the chain of the deciding one; absent when that is a base chain.
std::optional<RulePlace> leading_rule(const Decision& decision, const Ruleset& rules);

/// Which rules were looked at.
struct RulesOrigin {
  bool live = false;      // the kernel's; else those that flags would install
  std::string backend;    // of the kernel's rules
  bool installed = true;  // live: something of ours is there
  std::string flags;      // that they were or would be installed with; empty: not known
};

/// For people: several lines.
std::string explanation_text(const Explanation& explanation, const Ruleset& rules,
                             const RulesOrigin& origin);
/// For programs: one JSON object.
std::string explanation_json(const Explanation& explanation, const Ruleset& rules,
                             const RulesOrigin& origin);

/// "redirected to 15001", "left alone", …: the landing in a few words.
std::string landing_text(const Explanation& explanation);

}  // namespace weir::init
