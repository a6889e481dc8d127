// SPDX-License-Identifier: Apache-2.0
// /logging: showing and planning log levels.
#pragma once

#include <array>
#include <string>

#include "common/log.hpp"
#include "common/result.hpp"
#include "proxy/admin/query.hpp"

namespace weir::admin {

/// One level per log::Component, in the order of log::kComponentNames.
using LogLevels = std::array<log::Level, log::kComponentNames.size()>;

LogLevels current_levels();
void apply_levels(const LogLevels& levels);

/// The levels after a request: `?level=debug` (all), `?connection=debug` (one),
/// `?paths=admin:debug,main:info` (several), nothing (no change). Error: unknown logger or level,
/// or more than one parameter.
Result<LogLevels> plan_levels(const QueryParams& params, LogLevels levels);

/// "active loggers:" and one indented line each.
std::string render_levels(const LogLevels& levels);
/// What /logging accepts.
std::string render_logging_usage();

}  // namespace weir::admin
