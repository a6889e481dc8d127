// SPDX-License-Identifier: Apache-2.0
// Flags → RedirectConfig: what is captured, and in which mode.
#pragma once

#include <string>
#include <vector>

#include "common/result.hpp"
#include "init/cli/command_line.hpp"
#include "init/rules/redirect_config.hpp"

namespace weir::init {

/// Errors name the flag or variable and quote the value.
Result<RedirectConfig> read_config(const RawFlags& flags, const Environment& environment);
/// Part of it: TPROXY, DNS, IPv6 and what else is more than lists.
Result<void> read_modes(const RawFlags& flags, const Environment& environment,
                        RedirectConfig& config);
/// What is allowed and hardly meant.
std::vector<std::string> config_warnings(const RawFlags& flags, const RedirectConfig& config);

}  // namespace weir::init
