// SPDX-License-Identifier: Apache-2.0
// The objects that a script works with: made, recognised, and refused when their time is over.
#pragma once

#include <cstdint>
#include <string_view>

#include <lua.hpp>

#include "proxy/filters/http/lua/script.hpp"

namespace weir::filters {

enum class LuaKind : std::uint8_t {
  handle,
  headers,
  buffer,
  metadata,
  stream_info,
  dynamic_metadata,
  filter_state,
  connection,
  connection_stream_info,
  connection_metadata,
  route,
  virtual_host,
  count_,
};

/// What an object of kind headers or metadata shows; metadata is a route's unless it is a host's.
enum class LuaPart : std::uint8_t { headers, trailers, host };

/// The contents of a userdata. Scripts cannot make userdata of their own: whatever userdata a
/// function gets is one of these.
struct LuaObject {
  LuaCoroutine* coroutine;
  std::uint64_t born;  // the phase or the epoch
  LuaKind kind;
  LuaPart part;
};

/// Metatables into the registry, once for each state.
void register_lua_objects(lua_State* L);

void push_lua_handle(lua_State* L, LuaCoroutine& coroutine);
/// A buffer dies at the next yield, everything else with the handle. (In Envoy the headers die at a
/// yield too, so that the first example of its documentation fails.)
void push_lua_object(lua_State* L, LuaCoroutine& coroutine, LuaKind kind,
                     LuaPart part = LuaPart::headers);

/// The object at 1. Raises an error when it is another kind of value, or when its time is over.
LuaObject& check_lua_object(lua_State* L, LuaKind kind);
/// The execution that the live object at 1 belongs to.
inline LuaExecution& check_lua_execution(lua_State* L, LuaKind kind) {
  return *check_lua_object(L, kind).coroutine->execution;
}

/// A string argument. Numbers are converted, as everywhere in Lua.
inline std::string_view check_lua_text(lua_State* L, int index) {
  std::size_t length = 0;
  const char* const text = luaL_checklstring(L, index, &length);
  return {text, length};
}

// The methods, one table for each kind; the last entry is {nullptr, nullptr}.
extern const luaL_Reg kLuaHandleMethods[];
extern const luaL_Reg kLuaCallMethods[];
extern const luaL_Reg kLuaHeaderMethods[];
extern const luaL_Reg kLuaBufferMethods[];
extern const luaL_Reg kLuaMetadataMethods[];
extern const luaL_Reg kLuaStreamInfoMethods[];
extern const luaL_Reg kLuaDynamicMetadataMethods[];
extern const luaL_Reg kLuaFilterStateMethods[];
extern const luaL_Reg kLuaConnectionMethods[];
extern const luaL_Reg kLuaConnectionStreamInfoMethods[];
extern const luaL_Reg kLuaConnectionMetadataMethods[];
extern const luaL_Reg kLuaRouteMethods[];

}  // namespace weir::filters
