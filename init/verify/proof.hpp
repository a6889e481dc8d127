// SPDX-License-Identifier: Apache-2.0
// Proves a set of rules with real packets in this network namespace.
#pragma once

#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/verify/probe.hpp"

namespace weir::init {

struct ProbeResult {
  Probe probe;
  bool passed = false;
  std::string happened;  // "redirected to 15001, accepted"
};

struct Proof {
  std::vector<ProbeResult> results;
  std::size_t effective_rules = 0;      // rules that change something that can be seen
  std::vector<RulePlace> proved;        // of these, the ones that a passed connection depends on
  std::vector<std::string> not_probed;  // what could not be tried, and for lack of what
  [[nodiscard]] bool passed() const;
};

/// Sends what choose_probes() chooses for `rules` (a plan) and looks what becomes of it. Takes a
/// few milliseconds; leaves nothing behind. The caller holds the lock of the namespace. Error: the
/// kernel lacks what is needed to look (EOPNOTSUPP), or to try anything at all.
Result<Proof> prove(const Ruleset& rules);

}  // namespace weir::init
