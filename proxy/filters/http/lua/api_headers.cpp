// SPDX-License-Identifier: Apache-2.0
// headers() and trailers(): what a script does with a header map.
#include <algorithm>
#include <string>

#include "proxy/filters/http/lua/execution.hpp"
#include "proxy/filters/http/lua/header_text.hpp"
#include "proxy/filters/http/lua/objects.hpp"

namespace weir::filters {
namespace {

/// The map that the object at 1 shows, and where it belongs.
struct Target {
  LuaExecution& execution;
  http::HeaderMap& map;
  LuaPart part;
};

Target target(lua_State* L) {
  const LuaObject& object = check_lua_object(L, LuaKind::headers);
  LuaExecution& execution = *object.coroutine->execution;
  http::HeaderMap* const map = execution.headers(object.part);
  if (map == nullptr) luaL_error(L, "object used outside of proper scope");
  return {execution, *map, object.part};
}

Target modifiable(lua_State* L) {
  const Target found = target(L);
  if (found.execution.iterating(found.part))
    luaL_error(L, "header map cannot be modified while iterating");
  if (found.part == LuaPart::headers && found.execution.headers_gone())
    luaL_error(L, "header map can no longer be modified");
  return found;
}

void changed(const Target& where) {
  if (where.part == LuaPart::headers) where.execution.headers_changed();
}

LuaHeaderName name_at(lua_State* L, int index) {
  const std::string_view text = check_lua_text(L, index);
  return LuaHeaderName(text);
}

/// For fields that are written: whatever could break the message is refused.
LuaHeaderName writable_name(lua_State* L, int index) {
  LuaHeaderName name = name_at(L, index);
  if (!name.valid()) luaL_error(L, "header name '%s': not a name", lua_tostring(L, index));
  return name;
}

std::string_view value_at(lua_State* L, int index) {
  const std::string_view value = check_lua_text(L, index);
  if (!is_lua_header_value(value)) luaL_error(L, "header value: has a line break or a NUL in it");
  return value;
}

int headers_add(lua_State* L) {
  const Target where = modifiable(L);
  const LuaHeaderName name = writable_name(L, 2);
  const std::string_view value = value_at(L, 3);
  where.execution.charge_stream(L, name.text().size() + value.size() + 32);
  const http::HeaderField* const present = name.pseudo() ? where.map.find(name.text()) : nullptr;
  if (present != nullptr) {  // there is only one of it: the values become one
    const std::string_view first = where.map.arena().join(present->value, ",");
    where.map.set_static(present->id, where.map.arena().join(first, value));
  } else {
    where.map.add(name.text(), value);
  }
  changed(where);
  return 0;
}

int headers_replace(lua_State* L) {
  const Target where = modifiable(L);
  const LuaHeaderName name = writable_name(L, 2);
  const std::string_view value = value_at(L, 3);
  where.execution.charge_stream(L, name.text().size() + value.size() + 32);
  // What is replaced goes to the end, as in Envoy; a pseudo-header has its place before the others.
  if (name.pseudo()) {
    where.map.set(name.text(), value);
  } else {
    where.map.remove(name.text());
    where.map.add(name.text(), value);
  }
  changed(where);
  return 0;
}

int headers_remove(lua_State* L) {
  const Target where = modifiable(L);
  where.map.remove(name_at(L, 2).text());
  changed(where);
  return 0;
}

/// The fields after `first` of the same name, joined to it on the stack.
void push_joined(lua_State* L, const http::HeaderMap& map, const http::HeaderField& first) {
  const http::HeaderField* const end = map.fields().data() + map.fields().size();
  const auto next = [&](const http::HeaderField* at) {
    return std::find_if(at + 1, end,
                        [&](const http::HeaderField& field) { return field.name == first.name; });
  };
  const http::HeaderField* field = next(&first);
  if (field == end) {
    lua_pushlstring(L, first.value.data(), first.value.size());
    return;
  }
  luaL_Buffer joined;
  luaL_buffinit(L, &joined);
  luaL_addlstring(&joined, first.value.data(), first.value.size());
  for (; field != end; field = next(field)) {
    luaL_addchar(&joined, ',');
    luaL_addlstring(&joined, field->value.data(), field->value.size());
  }
  luaL_pushresult(&joined);
}

int headers_get(lua_State* L) {
  const Target where = target(L);
  const http::HeaderField* const field = where.map.find(name_at(L, 2).text());
  if (field == nullptr)
    lua_pushnil(L);
  else
    push_joined(L, where.map, *field);
  return 1;
}

int headers_get_at_index(lua_State* L) {
  const Target where = target(L);
  const LuaHeaderName name = name_at(L, 2);
  lua_Integer left = luaL_checkinteger(L, 3);
  for (const http::HeaderField& field : where.map.fields()) {
    if (field.removed() || field.name != name.text() || left-- != 0) continue;
    lua_pushlstring(L, field.value.data(), field.value.size());
    return 1;
  }
  lua_pushnil(L);
  return 1;
}

int headers_get_num_values(lua_State* L) {
  const Target where = target(L);
  lua_pushinteger(L, static_cast<lua_Integer>(where.map.count(name_at(L, 2).text())));
  return 1;
}

int headers_set_reason(lua_State* L) {
  modifiable(L);
  luaL_checkstring(L, 2);
  return 0;  // reason phrases mean nothing, and HTTP/2 has none
}

// Upvalues: the object, the place of the next field.
int next_header(lua_State* L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  const Target where = target(L);
  const auto fields = where.map.fields();
  auto at = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(2)));
  while (at < fields.size() && fields[at].removed()) ++at;
  if (at >= fields.size()) {
    where.execution.iterating(where.part) = false;
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(at + 1));
  lua_replace(L, lua_upvalueindex(2));
  lua_pushlstring(L, fields[at].name.data(), fields[at].name.size());
  lua_pushlstring(L, fields[at].value.data(), fields[at].value.size());
  return 2;
}

int headers_pairs(lua_State* L) {
  const Target where = target(L);
  if (where.execution.iterating(where.part))
    luaL_error(L, "cannot create a second iterator before completing the first");
  where.execution.iterating(where.part) = true;
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_header, 2);
  return 1;
}

}  // namespace

const luaL_Reg kLuaHeaderMethods[] = {{"add", headers_add},
                                      {"get", headers_get},
                                      {"getAtIndex", headers_get_at_index},
                                      {"getNumValues", headers_get_num_values},
                                      {"remove", headers_remove},
                                      {"replace", headers_replace},
                                      {"setHttp1ReasonPhrase", headers_set_reason},
                                      {"__pairs", headers_pairs},
                                      {nullptr, nullptr}};

}  // namespace weir::filters
