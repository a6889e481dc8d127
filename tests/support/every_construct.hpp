// SPDX-License-Identifier: Apache-2.0
// A table made by hand of everything that the rules can say, for the tests of what writes and reads
// them.
#pragma once

#include "init/rules/rule.hpp"

namespace weir::init {

/// Base chains of every type and hook, every field, every verdict, every kind of object.
Ruleset every_construct();

}  // namespace weir::init
