// SPDX-License-Identifier: Apache-2.0
// --uid, --to and the others of `explain` → ExplainQuery. Pure.
#pragma once

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

/// Every error names the flag and quotes the value. What `explain` cannot do without is not asked
/// for here: `check` takes --uid alone.
Result<ExplainQuery> read_explain_flags(const RawFlags& flags, const Environment& environment);

/// Usage errors of a query that is to be answered: no destination, families that differ.
Result<void> check_query(const ExplainQuery& query);

}  // namespace weir::init
