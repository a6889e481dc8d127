// SPDX-License-Identifier: Apache-2.0
#include "proxy/lua/pattern.hpp"

#include <cstring>
#include <string_view>

#include "proxy/lua/matcher.hpp"
#include "proxy/lua/state.hpp"

namespace weir::lua {
namespace {

std::string_view check_text(lua_State* L, int index) {
  std::size_t length = 0;
  const char* const text = luaL_checklstring(L, index, &length);
  return {text, length};
}

/// The place that `init` of find and match names: from 0, at most text.size() + 1.
std::size_t start_of(lua_State* L, int index, std::size_t length) {
  const lua_Integer init = luaL_optinteger(L, index, 1);
  if (init > 0) return static_cast<std::size_t>(init - 1);
  if (init == 0 || static_cast<std::size_t>(-init) > length) return 0;
  return length - static_cast<std::size_t>(-init);
}

bool has_specials(std::string_view pattern) {
  return pattern.find_first_of("^$*+?.([%-") != std::string_view::npos;
}

int find_plain(lua_State* L, std::string_view text, std::string_view wanted, std::size_t start) {
  State::of(L).charge(L, (text.size() - start) / 16);
  const void* const found =
      memmem(text.data() + start, text.size() - start, wanted.data(), wanted.size());
  if (found == nullptr) {
    lua_pushnil(L);
    return 1;
  }
  const auto at = static_cast<const char*>(found) - text.data();
  lua_pushinteger(L, at + 1);
  lua_pushinteger(L, at + static_cast<std::ptrdiff_t>(wanted.size()));
  return 2;
}

int search(lua_State* L, bool find) {
  const std::string_view text = check_text(L, 1);
  const std::string_view pattern = check_text(L, 2);
  std::size_t start = start_of(L, 3, text.size());
  if (start > text.size()) start = text.size();  // as Lua 5.1: an empty match at the end is found
  if (find && (lua_toboolean(L, 4) != 0 || !has_specials(pattern)))
    return find_plain(L, text, pattern, start);
  Matcher matcher(L, text, pattern);
  do {
    const char* const end = matcher.match_at(start);
    if (end == nullptr) continue;
    const char* const begin = text.data() + start;
    if (!find) return matcher.push_captures(begin, end, true);
    lua_pushinteger(L, static_cast<lua_Integer>(start + 1));
    lua_pushinteger(L, end - text.data());
    return 2 + matcher.push_captures(begin, end, false);
  } while (!matcher.anchored() && start++ < text.size());
  lua_pushnil(L);
  return 1;
}

int string_find(lua_State* L) { return search(L, true); }
int string_match(lua_State* L) { return search(L, false); }

// Upvalues: text, pattern, where to go on.
int next_match(lua_State* L) {
  const std::string_view text = check_text(L, lua_upvalueindex(1));
  Matcher matcher(L, text, check_text(L, lua_upvalueindex(2)));
  for (auto at = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(3))); at <= text.size();
       ++at) {
    const char* const end = matcher.match_at(at);
    if (end == nullptr) continue;
    const char* const begin = text.data() + at;
    lua_pushinteger(L, end - text.data() + (end == begin ? 1 : 0));
    lua_replace(L, lua_upvalueindex(3));
    return matcher.push_captures(begin, end, true);
  }
  return 0;
}

int string_gmatch(lua_State* L) {
  luaL_checkstring(L, 1);
  luaL_checkstring(L, 2);
  lua_settop(L, 2);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_match, 3);
  return 1;
}

void add_template(lua_State* L, luaL_Buffer& out, Matcher& matcher, const char* begin,
                  const char* end) {
  const std::string_view replacement = check_text(L, 3);
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    const char character = replacement[i];
    if (character != '%') {
      luaL_addchar(&out, character);
      continue;
    }
    const char next = ++i < replacement.size() ? replacement[i] : '\0';
    if (next == '0') {
      luaL_addlstring(&out, begin, static_cast<std::size_t>(end - begin));
    } else if (next >= '1' && next <= '9') {
      matcher.push_capture(next - '1', begin, end);
      luaL_addvalue(&out);
    } else if (i < replacement.size()) {
      luaL_addchar(&out, next);
    }
  }
}

void add_replacement(lua_State* L, luaL_Buffer& out, Matcher& matcher, const char* begin,
                     const char* end) {
  switch (lua_type(L, 3)) {
    case LUA_TFUNCTION:
      lua_pushvalue(L, 3);
      lua_call(L, matcher.push_captures(begin, end, true), 1);
      break;
    case LUA_TTABLE:
      matcher.push_capture(0, begin, end);
      lua_gettable(L, 3);
      break;
    default:
      add_template(L, out, matcher, begin, end);
      return;
  }
  if (lua_toboolean(L, -1) == 0) {
    lua_pop(L, 1);
    luaL_addlstring(&out, begin, static_cast<std::size_t>(end - begin));
    return;
  }
  if (lua_isstring(L, -1) == 0)
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(&out);
}

int string_gsub(lua_State* L) {
  const std::string_view text = check_text(L, 1);
  const std::string_view pattern = check_text(L, 2);
  const int kind = lua_type(L, 3);
  if (kind != LUA_TNUMBER && kind != LUA_TSTRING && kind != LUA_TFUNCTION && kind != LUA_TTABLE)
    luaL_argerror(L, 3, "string/function/table expected");
  const bool bounded = !lua_isnoneornil(L, 4);
  const lua_Integer most = bounded ? luaL_checkinteger(L, 4) : 0;
  lua_Integer done = 0;
  std::size_t at = 0;
  State::of(L).charge(L, 1);  // recursion through here is seen at each level
  Matcher matcher(L, text, pattern);
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  while (!bounded || done < most) {
    const char* const begin = text.data() + at;
    const char* const end = matcher.match_at(at);
    if (end != nullptr) {
      ++done;
      State::of(L).charge(L, 10);
      add_replacement(L, out, matcher, begin, end);
    }
    if (end != nullptr && end > begin)
      at = static_cast<std::size_t>(end - text.data());
    else if (at < text.size())
      luaL_addchar(&out, text[at++]);
    else
      break;
    if (matcher.anchored()) break;
  }
  luaL_addlstring(&out, text.data() + at, text.size() - at);
  luaL_pushresult(&out);
  lua_pushinteger(L, done);
  return 2;
}

}  // namespace

void open_patterns(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {{"find", string_find},
                                            {"match", string_match},
                                            {"gmatch", string_gmatch},
                                            {"gsub", string_gsub},
                                            {nullptr, nullptr}};
  luaL_register(L, nullptr, kFunctions);
  lua_pushnil(L);  // the old name of gmatch
  lua_setfield(L, -2, "gfind");
}

}  // namespace weir::lua
