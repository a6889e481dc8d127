// SPDX-License-Identifier: Apache-2.0
// Several legacy tables changed one after the other, and back again when one of them fails.
#pragma once

#include <vector>

#include "common/result.hpp"
#include "init/legacy/table_name.hpp"
#include "init/rules/rule.hpp"

namespace weir::init {

/// Puts the chains of `lowered` in place of everything of ours in `tables`. All changes are made
/// ready before the first comes into force. Tables that get rules come first, in the order given;
/// tables that only lose some come last, in the opposite order. After an error the tables hold what
/// they held, unless the text says otherwise. The caller has the lock. @return whether anything of
/// ours was there.
Result<bool> change_tables(const std::vector<TableName>& tables, const Ruleset& lowered);

}  // namespace weir::init
