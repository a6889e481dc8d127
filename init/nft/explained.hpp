// SPDX-License-Identifier: Apache-2.0
// Errors of nf_tables, with cause and remedy.
#pragma once

#include <string_view>

#include "common/result.hpp"
#include "init/rules/backend.hpp"
#include "init/system/errors.hpp"

namespace weir::init {

/// What failed, and what the user can do about it, with an errno that the exit code follows from.
/// @param rule the one that the kernel refused, when it is known.
Error explained(const Error& error, std::string_view what,
                Operation operation = Operation::read_rules, const Rule* rule = nullptr);

/// What a message to the kernel tried.
Operation operation_of(const Refusal& refusal);

}  // namespace weir::init
