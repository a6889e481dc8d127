// SPDX-License-Identifier: Apache-2.0
// The packets among which choose_probes() searches. Pure.
#pragma once

#include <functional>

#include "init/verify/probe.hpp"

namespace weir::init {

/// Hands over packets until `take` says that it has enough: first the plain ones, then those that
/// differ from them in one respect that some rule looks at, then in two, three and four.
void for_each_candidate(const Ruleset& rules, const ProbeFacts& facts,
                        const std::function<bool(const Packet&)>& take);

}  // namespace weir::init
