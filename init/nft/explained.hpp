// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "common/result.hpp"

namespace weir::init {

/// What failed, and what the user can do about it, with an errno that the exit code follows from.
Error explained(const Error& error, std::string_view what);

}  // namespace weir::init
