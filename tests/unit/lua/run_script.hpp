// SPDX-License-Identifier: Apache-2.0
// Runs texts in a sandbox, and says what came out.
#pragma once

#include <string>
#include <string_view>

#include "proxy/lua/state.hpp"

namespace weir::lua {

/// What a text returned as one string, or "error: …".
inline std::string run(State& state, std::string_view text) {
  lua_State* const L = lua_newthread(state.main());
  std::string out;
  int status = luaL_loadbuffer(L, text.data(), text.size(), "=test");
  if (status == 0) status = state.resume(L, 0);
  if (status == LUA_YIELD) {
    out = "yielded";
  } else if (status != 0) {
    out = "error: " + State::take_error(L);
  } else {
    const int values = lua_gettop(L);
    for (int i = 1; i <= values; ++i) {
      if (i > 1) out += ' ';
      if (lua_isstring(L, i) != 0)
        out.append(lua_tostring(L, i), lua_objlen(L, i));
      else if (lua_isboolean(L, i))
        out += lua_toboolean(L, i) != 0 ? "true" : "false";
      else
        out += luaL_typename(L, i);
    }
  }
  lua_settop(state.main(), 0);
  return out;
}

inline std::string run(std::string_view text) {
  State state;
  return run(state, text);
}

}  // namespace weir::lua
