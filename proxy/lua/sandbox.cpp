// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "common/log.hpp"
#include "proxy/lua/pattern.hpp"
#include "proxy/lua/state.hpp"

namespace weir::lua {
namespace {

// Of the base library, what is harmless as it is, and `pcall`, which the prelude replaces as it
// adds `xpcall`, `load`, `loadstring`, `pairs`, `print` and `collectgarbage`. `newproxy` is left
// out: it makes finalizers, which nothing could stop.
constexpr const char* kGlobals[] = {
    "_G",           "_VERSION", "assert",   "bit",      "coroutine", "error",
    "getfenv",      "ipairs",   "math",     "next",     "pcall",     "getmetatable",
    "rawequal",     "rawget",   "rawset",   "select",   "string",    "setfenv",
    "setmetatable", "table",    "tonumber", "tostring", "type",      "unpack",
};

// Runs once with the library's functions and ours; what it defines is what scripts see.
// A script that catches the error that stops it must not go on: whatever catches errors ends in
// `check`. A handler of xpcall runs after the stack is gone (nothing in here could look at it):
// inside, nothing would count its instructions.
constexpr char kPrelude[] = R"lua(
local check, write_log, compile, running, pairs_of, count = ...
local pcall, resume, tostring, select, type = pcall, coroutine.resume, tostring, select, type
local concat, error, format = table.concat, error, string.format

_G.pcall = function(...) return check(pcall(...)) end

local function handled(handler, ok, ...)
  if ok then return true, ... end
  return false, handler(...)
end
_G.xpcall = function(f, handler, ...) return handled(handler, check(pcall(f, ...))) end

coroutine.resume = function(...) return check(resume(...)) end
coroutine.running = running

local function text_of(chunk)
  if type(chunk) ~= "function" then return chunk end
  local pieces = {}
  while true do
    local piece = chunk()
    if piece == nil or piece == "" then return concat(pieces) end
    pieces[#pieces + 1] = piece
  end
end
_G.load = function(chunk, name, mode, ...)
  if mode ~= nil and not tostring(mode):find("t", 1, true) then
    return nil, "attempt to load chunk with wrong mode"
  end
  return compile(text_of(chunk), name, ...)
end
_G.loadstring = function(text, name) return compile(text, name) end

_G.pairs = pairs_of
_G.print = function(...)
  local words = {}
  for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
  write_log(concat(words, "\t"))
end
_G.collectgarbage = function(what)
  if what == "count" then return count() end
  return 0
end

table.unpack = unpack
table.pack = function(...) return { n = select("#", ...), ... } end
_G.EnvoyTimestampResolution = { MILLISECOND = 0, MICROSECOND = 1 }
)lua";

int check(lua_State* L) {
  State::of(L).raise_if_stopped(L);
  return lua_gettop(L);
}

int write_log(lua_State* L) {
  std::size_t length = 0;
  const char* const text = luaL_checklstring(L, 1, &length);
  State::of(L).charge(L, 1000);
  log::info(log::Component::lua, "script log: {}", std::string_view(text, length));
  return 0;
}

int compile(lua_State* L) {
  std::size_t length = 0;
  const char* const text = luaL_checklstring(L, 1, &length);
  const char* const name = luaL_optstring(L, 2, text);
  State::of(L).charge(L, length);
  if (luaL_loadbufferx(L, text, length, name, "t") != 0) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (lua_gettop(L) > 3) {  // an environment was given
    lua_pushvalue(L, 3);
    lua_setfenv(L, -2);
  }
  return 1;
}

int running(lua_State* L) {
  // The host's own coroutine is not the script's to resume.
  if (State::of(L).running() == L)
    lua_pushnil(L);
  else
    lua_pushthread(L);
  return 1;
}

int pairs_of(lua_State* L) {
  luaL_checkany(L, 1);
  if (luaL_getmetafield(L, 1, "__pairs") != 0) {
    lua_pushvalue(L, 1);
    lua_call(L, 1, 3);
    return 3;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

int count(lua_State* L) {
  lua_pushnumber(L, static_cast<lua_Number>(State::of(L).used()) / 1024);
  return 1;
}

void open_library(lua_State* L, lua_CFunction open, const char* name) {
  lua_pushcfunction(L, open);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

/// Leaves in `_G` only what kGlobals names.
void keep_known_globals(lua_State* L) {
  lua_newtable(L);
  for (const char* const name : kGlobals) {
    lua_getglobal(L, name);
    lua_setfield(L, -2, name);
  }
  lua_pushnil(L);
  while (lua_next(L, LUA_GLOBALSINDEX) != 0) {  // assigning nil while traversing is allowed
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_settable(L, LUA_GLOBALSINDEX);
  }
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_settable(L, LUA_GLOBALSINDEX);
  }
  lua_pop(L, 1);
}

void run_prelude(lua_State* L) {
  if (luaL_loadbuffer(L, kPrelude, std::strlen(kPrelude), "=prelude") != 0) lua_error(L);
  lua_pushcfunction(L, check);
  lua_pushcfunction(L, write_log);
  lua_pushcfunction(L, compile);
  lua_pushcfunction(L, running);
  lua_getglobal(L, "next");
  lua_pushcclosure(L, pairs_of, 1);
  lua_pushcfunction(L, count);
  lua_call(L, 6, 0);
}

}  // namespace

void open_sandbox(lua_State* L) {
  open_library(L, luaopen_base, "");
  open_library(L, luaopen_string, LUA_STRLIBNAME);
  open_library(L, luaopen_table, LUA_TABLIBNAME);
  open_library(L, luaopen_math, LUA_MATHLIBNAME);
  open_library(L, luaopen_bit, LUA_BITLIBNAME);
  keep_known_globals(L);
  lua_getglobal(L, "string");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  open_patterns(L);
  lua_pop(L, 1);
  run_prelude(L);
  // LuaJIT's registry of loaded libraries, through which `require` would find them.
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
}

}  // namespace weir::lua
