// SPDX-License-Identifier: Apache-2.0
// errno of a legacy table → what the user can do about it.
#pragma once

#include <string_view>

#include "common/result.hpp"
#include "init/legacy/table_name.hpp"

namespace weir::init {

/// `what`: "reading", "changing". The code becomes one that the exit code follows from: EPERM,
/// EOPNOTSUPP, or what it was.
Error explain_table_error(const Error& error, const TableName& table, std::string_view what);

}  // namespace weir::init
