// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/lua/objects.hpp"

#include <array>

namespace weir::filters {
namespace {

struct Kind {
  const luaL_Reg* methods;
  const char* name;
};
// In the order of LuaKind.
constexpr std::array kKinds = {
    Kind{kLuaHandleMethods, "stream handle"},
    Kind{kLuaHeaderMethods, "headers"},
    Kind{kLuaBufferMethods, "buffer"},
    Kind{kLuaMetadataMethods, "metadata"},
    Kind{kLuaStreamInfoMethods, "stream info"},
    Kind{kLuaDynamicMetadataMethods, "dynamic metadata"},
    Kind{kLuaFilterStateMethods, "filter state"},
    Kind{kLuaConnectionMethods, "connection"},
    Kind{kLuaConnectionStreamInfoMethods, "connection stream info"},
    Kind{kLuaConnectionMetadataMethods, "dynamic metadata of the connection"},
    Kind{kLuaRouteMethods, "route"},
    Kind{kLuaRouteMethods, "virtual host"},
};
static_assert(kKinds.size() == static_cast<std::size_t>(LuaKind::count_));

// The metatable of a kind is in the registry at a number of its own: small ones are an array.
constexpr int kFirstMetatable = 1;

/// A piece of a body is there until the script waits again; all else as long as the handle.
std::uint64_t life_of(const LuaCoroutine& coroutine, LuaKind kind) {
  return kind == LuaKind::buffer ? coroutine.epoch : coroutine.phase;
}

int metatable_index(LuaKind kind) { return kFirstMetatable + static_cast<int>(kind); }

const char* name_of(LuaKind kind) { return kKinds[static_cast<std::size_t>(kind)].name; }

void push_metatable(lua_State* L, const luaL_Reg* methods) {
  lua_newtable(L);
  lua_newtable(L);
  luaL_register(L, nullptr, methods);
  lua_getfield(L, -1, "__pairs");  // iteration is no method
  lua_setfield(L, -3, "__pairs");
  lua_pushnil(L);
  lua_setfield(L, -2, "__pairs");
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);  // out of a script's reach
  lua_setfield(L, -2, "__metatable");
}

void push_object(lua_State* L, const LuaObject& object) {
  *static_cast<LuaObject*>(lua_newuserdata(L, sizeof(LuaObject))) = object;
  lua_rawgeti(L, LUA_REGISTRYINDEX, metatable_index(object.kind));
  lua_setmetatable(L, -2);
}

}  // namespace

void register_lua_objects(lua_State* L) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    push_metatable(L, kKinds[i].methods);
    // luaL_ref counts on from the length of the registry: these are the first.
    lua_rawseti(L, LUA_REGISTRYINDEX, kFirstMetatable + static_cast<int>(i));
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, metatable_index(LuaKind::handle));
  lua_getfield(L, -1, "__index");
  luaL_register(L, nullptr, kLuaCallMethods);
  lua_pop(L, 2);
}

void push_lua_handle(lua_State* L, LuaCoroutine& coroutine) {
  push_object(L, {&coroutine, coroutine.phase, LuaKind::handle, LuaPart::headers});
}

void push_lua_object(lua_State* L, LuaCoroutine& coroutine, LuaKind kind, LuaPart part) {
  push_object(L, {&coroutine, life_of(coroutine, kind), kind, part});
}

LuaObject& check_lua_object(lua_State* L, LuaKind kind) {
  auto* const object =
      lua_type(L, 1) == LUA_TUSERDATA ? static_cast<LuaObject*>(lua_touserdata(L, 1)) : nullptr;
  if (object == nullptr || object->kind != kind) luaL_typerror(L, 1, name_of(kind));
  const LuaCoroutine& coroutine = *object->coroutine;
  if (object->born != life_of(coroutine, kind))
    luaL_error(L, "object used outside of proper scope");
  return *object;
}

}  // namespace weir::filters
