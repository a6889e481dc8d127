// SPDX-License-Identifier: Apache-2.0
// What weirctl does.
#pragma once

#include "common/result.hpp"
#include "ctl/options.hpp"

namespace weir::ctl {

/// inject and uninject: what is to be printed. Notes go to standard error, refusals too; the Error
/// then sums them up.
Result<std::string> run_inject(const Options& options);

/// Asks GET /ready until it answers LIVE. Error: what was in the way at the end of the timeout.
Result<void> wait_until_ready(const WaitOptions& options);

/// Tells a proxy that its Pod ends: it serves on, `/ready` says DRAINING, and each HTTP connection
/// is told to go with its next answer. Error: what was in the way.
Result<void> begin_drain(const DrainOptions& options);

}  // namespace weir::ctl
