// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/lua/script.hpp"

#include "proxy/filters/http/lua/objects.hpp"

namespace weir::filters {

Result<std::unique_ptr<LuaScript>> LuaScript::create(std::string_view source, std::string_view name,
                                                     const lua::Limits& limits) {
  std::unique_ptr<LuaScript> script(new LuaScript(limits));
  register_lua_objects(script->state_.main());
  TRY_VOID(script->state_.load(source, name));
  script->on_request_ = script->find_function("envoy_on_request");
  script->on_response_ = script->find_function("envoy_on_response");
  return script;
}

int LuaScript::find_function(const char* name) {
  lua_State* const L = state_.main();
  lua_pushstring(L, name);
  lua_rawget(L, LUA_GLOBALSINDEX);
  if (lua_isfunction(L, -1)) return luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pop(L, 1);
  return LUA_REFNIL;
}

void LuaScript::make_thread(LuaCoroutine& coroutine) {
  lua_State* const L = state_.main();
  coroutine.thread = lua_newthread(L);
  if (coroutine.anchor == LUA_NOREF) {
    coroutine.anchor = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushboolean(L, 0);  // a place to keep
    coroutine.cached = luaL_ref(L, LUA_REGISTRYINDEX);
  } else {
    lua_rawseti(L, LUA_REGISTRYINDEX, coroutine.anchor);
  }
}

LuaCoroutine* LuaScript::begin(LuaExecution& execution, bool request) {
  if (idle_.empty()) {
    coroutines_.push_back(std::make_unique<LuaCoroutine>());
    idle_.push_back(coroutines_.back().get());
  }
  LuaCoroutine* const coroutine = idle_.back();
  idle_.pop_back();
  if (coroutine->thread == nullptr) make_thread(*coroutine);
  ++in_use_;
  coroutine->execution = &execution;
  coroutine->phase = ++last_number_;
  next_epoch(*coroutine);
  lua_rawgeti(coroutine->thread, LUA_REGISTRYINDEX, request ? on_request_ : on_response_);
  push_lua_handle(coroutine->thread, *coroutine);
  return coroutine;
}

void LuaScript::finish(LuaCoroutine& coroutine, bool reusable) {
  --in_use_;
  coroutine.execution = nullptr;
  coroutine.phase = coroutine.epoch = 0;
  if (reusable) {
    lua_settop(coroutine.thread, 0);
  } else {
    // A coroutine that failed or waits cannot be started again: the collector takes it.
    lua_State* const L = state_.main();
    lua_pushboolean(L, 0);
    lua_rawseti(L, LUA_REGISTRYINDEX, coroutine.anchor);
    coroutine.thread = nullptr;
  }
  idle_.push_back(&coroutine);
}

}  // namespace weir::filters
