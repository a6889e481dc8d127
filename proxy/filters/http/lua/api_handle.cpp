// SPDX-License-Identifier: Apache-2.0
// The handle: headers, body, trailers, logs, times. Calls and answers are in api_call.cpp.
#include <chrono>
#include <string>

#include "common/log.hpp"
#include "proxy/filters/http/lua/lua_filter.hpp"
#include "proxy/filters/http/lua/objects.hpp"
#include "proxy/lua/json.hpp"

namespace weir::filters {
namespace {

LuaExecution& self(lua_State* L) { return check_lua_execution(L, LuaKind::handle); }

int handle_headers(lua_State* L) {
  LuaCoroutine& coroutine = self(L).coroutine();
  if (coroutine.cached_phase == coroutine.phase) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, coroutine.cached);
    return 1;
  }
  push_lua_object(L, coroutine, LuaKind::headers);
  lua_pushvalue(L, -1);
  lua_rawseti(L, LUA_REGISTRYINDEX, coroutine.cached);
  coroutine.cached_phase = coroutine.phase;
  return 1;
}

int handle_body(lua_State* L) {
  LuaExecution& execution = self(L);
  const bool always_wrap = lua_toboolean(L, 2) != 0;
  if (execution.holds_body()) return execution.push_body(L, always_wrap);
  if (execution.saw_body())
    luaL_error(L, execution.ended() ? "cannot call body() after body has been streamed"
                                    : "cannot call body() after body streaming has started");
  if (execution.headers_gone())
    luaL_error(L, "cannot call body() after the headers have been continued");
  if (!execution.ended() || always_wrap) return execution.wait_for_body(L, always_wrap);
  lua_pushnil(L);
  return 1;
}

// Upvalue: the handle.
int next_chunk(lua_State* L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  LuaExecution& execution = self(L);
  if (!execution.ended() && execution.headers(LuaPart::trailers) == nullptr)
    return execution.wait_for(L, LuaExecution::Wait::chunk);
  lua_pushnil(L);
  return 1;
}

int handle_body_chunks(lua_State* L) {
  if (self(L).saw_body()) luaL_error(L, "cannot call bodyChunks after body processing has begun");
  lua_settop(L, 1);
  lua_pushcclosure(L, next_chunk, 1);
  return 1;
}

int handle_trailers(lua_State* L) {
  LuaExecution& execution = self(L);
  if (execution.headers(LuaPart::trailers) != nullptr) {
    push_lua_object(L, execution.coroutine(), LuaKind::headers, LuaPart::trailers);
    return 1;
  }
  if (!execution.ended()) return execution.wait_for(L, LuaExecution::Wait::trailers);
  lua_pushnil(L);
  return 1;
}

template <log::Level kLevel>
int handle_log(lua_State* L) {
  LuaExecution& execution = self(L);
  const std::string_view text = check_lua_text(L, 2);
  if (!log::enabled(log::Component::lua, kLevel)) return 0;
  execution.script_state().charge(L, 1000 + text.size() / 4);
  log::write(log::Component::lua, kLevel, "script log: {}", text);
  return 0;
}

int handle_base64_escape(lua_State* L) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  LuaExecution& execution = self(L);
  const std::string_view text = check_lua_text(L, 2);
  execution.script_state().charge(L, text.size() / 4);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  for (std::size_t i = 0; i < text.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, text.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = bits << 8 | (j < count ? static_cast<unsigned char>(text[i + j]) : 0);
    for (std::size_t j = 0; j < 4; ++j)
      luaL_addchar(&out, j <= count ? kDigits[bits >> (18 - 6 * j) & 63] : '=');
  }
  luaL_pushresult(&out);
  return 1;
}

// EnvoyTimestampResolution.
enum class Resolution : std::uint8_t { millisecond, microsecond };

Resolution resolution_at(lua_State* L, int index, bool only_milliseconds) {
  if (lua_isnoneornil(L, index)) return Resolution::millisecond;
  const lua_Integer value = luaL_checkinteger(L, index);
  if (value == 0) return Resolution::millisecond;
  if (value != 1 || only_milliseconds)
    luaL_error(L, "timestamp format must be MILLISECOND%s.",
               only_milliseconds ? "" : " or MICROSECOND");
  return Resolution::microsecond;
}

std::int64_t now_in(Resolution resolution) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return resolution == Resolution::millisecond
             ? std::chrono::duration_cast<std::chrono::milliseconds>(now).count()
             : std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

int handle_timestamp(lua_State* L) {
  self(L);
  lua_pushnumber(L, static_cast<lua_Number>(now_in(resolution_at(L, 2, true))));
  return 1;
}

int handle_timestamp_string(lua_State* L) {
  self(L);
  const std::string text = std::to_string(now_in(resolution_at(L, 2, false)));
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

int get_field(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  lua_rawget(L, 1);
  return 1;
}

int handle_filter_context(lua_State* L) {
  LuaExecution& execution = self(L);
  const LuaRouteConfig* const route =
      execution.filter().instance().route_config(execution.stream());
  if (route == nullptr || route->filter_context.empty())
    lua_newtable(L);
  else
    lua::push_json(L, route->filter_context);
  // Both `context["key"]` and `context:get("key")` are in use.
  lua_createtable(L, 0, 1);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, get_field);
  lua_setfield(L, -2, "get");
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  return 1;
}

int handle_clear_route_cache(lua_State* L) {
  LuaExecution& execution = self(L);
  if (execution.is_request()) execution.stream().clear_route();
  return 0;
}

template <LuaKind kKind>
int handle_object(lua_State* L) {
  push_lua_object(L, self(L).coroutine(), kKind);
  return 1;
}

int handle_import_public_key(lua_State* L) {
  self(L);
  return luaL_error(L, "importPublicKey() is not supported by this version of weir-proxy");
}
int handle_verify_signature(lua_State* L) {
  self(L);
  return luaL_error(L, "verifySignature() is not supported by this version of weir-proxy");
}
int handle_set_upstream_override_host(lua_State* L) {
  self(L);
  return luaL_error(L, "setUpstreamOverrideHost() is not supported by this version of weir-proxy");
}

}  // namespace

const luaL_Reg kLuaHandleMethods[] = {
    {"headers", handle_headers},
    {"body", handle_body},
    {"bodyChunks", handle_body_chunks},
    {"trailers", handle_trailers},
    {"logTrace", handle_log<log::Level::trace>},
    {"logDebug", handle_log<log::Level::debug>},
    {"logInfo", handle_log<log::Level::info>},
    {"logWarn", handle_log<log::Level::warning>},
    {"logErr", handle_log<log::Level::error>},
    {"logCritical", handle_log<log::Level::critical>},
    {"base64Escape", handle_base64_escape},
    {"timestamp", handle_timestamp},
    {"timestampString", handle_timestamp_string},
    {"filterContext", handle_filter_context},
    {"clearRouteCache", handle_clear_route_cache},
    {"metadata", handle_object<LuaKind::metadata>},
    {"streamInfo", handle_object<LuaKind::stream_info>},
    {"connection", handle_object<LuaKind::connection>},
    {"connectionStreamInfo", handle_object<LuaKind::connection_stream_info>},
    {"route", handle_object<LuaKind::route>},
    {"virtualHost", handle_object<LuaKind::virtual_host>},
    {"importPublicKey", handle_import_public_key},
    {"verifySignature", handle_verify_signature},
    {"setUpstreamOverrideHost", handle_set_upstream_override_host},
    {nullptr, nullptr}};

}  // namespace weir::filters
