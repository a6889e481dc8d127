// SPDX-License-Identifier: Apache-2.0
// Lua values as JSON text, and back: how structured metadata is kept.
#pragma once

#include <string>
#include <string_view>

#include <lua.hpp>

namespace weir::lua {

/// Appends the value at `index`. Raises a Lua error for what has no form in JSON: functions,
/// userdata, keys that are neither strings nor numbers, tables within themselves.
void append_json(lua_State* L, int index, std::string& out);

/// Pushes the value that `json` describes; nil when it is not JSON or is nested too deep.
void push_json(lua_State* L, std::string_view json);

}  // namespace weir::lua
