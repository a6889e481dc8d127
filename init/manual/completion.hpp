// SPDX-License-Identifier: Apache-2.0
// Completions of commands, flags and the values that are few, for three shells. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/result.hpp"

namespace weir::init {

/// Error: a shell that is not bash, zsh or fish.
Result<std::string> completion_script(std::string_view shell);

}  // namespace weir::init
