// SPDX-License-Identifier: Apache-2.0
// Flags that say how it is done: backend, waiting, proof, namespace.
#pragma once

#include "common/result.hpp"
#include "init/cli/cli.hpp"
#include "init/cli/command_line.hpp"

namespace weir::init {

/// Errors name the flag or variable and quote the value.
Result<void> read_actions(const RawFlags& flags, Options& options);

}  // namespace weir::init
