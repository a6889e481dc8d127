// SPDX-License-Identifier: Apache-2.0
// Lua's patterns with a bound: find, match, gmatch and gsub that count the steps they take.
#pragma once

#include <lua.hpp>

namespace weir::lua {

/// Replaces find, match, gmatch and gsub in the table on top of the stack. The library's own ones
/// run for as long as a pattern and a text make them, and nothing can stop them.
void open_patterns(lua_State* L);

}  // namespace weir::lua
