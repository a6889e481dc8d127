// SPDX-License-Identifier: Apache-2.0
// What is different between the rules that should be there and those that are. Pure.
#pragma once

#include <string>
#include <vector>

#include "init/rules/rule.hpp"

namespace weir::init {

/// One line for each difference, `what 'name': how`. Empty = equal, order of rules included; the
/// order in which sets and chains were created is not a difference.
using Diff = std::vector<std::string>;

Diff diff_rulesets(const Ruleset& desired, const Ruleset& observed);

}  // namespace weir::init
