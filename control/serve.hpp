// SPDX-License-Identifier: Apache-2.0
// serve: the directory, the hub and the gRPC server together, until a signal ends it.
#pragma once

#include "common/result.hpp"
#include "control/options.hpp"
#include "proxy/config/diagnostics.hpp"

namespace weir::control {

/// One log line each.
void log_diagnostics(const config::Diagnostics& diagnostics);
/// Error = it could not start.
Result<void> serve(const Options& options);

}  // namespace weir::control
