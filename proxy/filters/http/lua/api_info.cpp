// SPDX-License-Identifier: Apache-2.0
// streamInfo(), connection(), metadata() and what hangs on them.
#include <algorithm>
#include <string>

#include "proxy/filters/http/lua/lua_filter.hpp"
#include "proxy/filters/http/lua/objects.hpp"
#include "proxy/lua/json.hpp"

namespace weir::filters {
namespace {

void push_text(lua_State* L, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
}

template <LuaKind kKind>
HttpStream& stream_of(lua_State* L) {
  return check_lua_execution(L, kKind).stream();
}

template <LuaKind kFrom, LuaKind kKind>
int push_child(lua_State* L) {
  push_lua_object(L, check_lua_execution(L, kFrom).coroutine(), kKind);
  return 1;
}

template <LuaKind kKind>
int push_nil(lua_State* L) {
  check_lua_object(L, kKind);
  lua_pushnil(L);
  return 1;
}

/// An iterator over nothing.
int next_of_nothing(lua_State* L) {
  lua_pushnil(L);
  return 1;
}
template <LuaKind kKind>
int pairs_of_nothing(lua_State* L) {
  check_lua_object(L, kKind);
  lua_pushcfunction(L, next_of_nothing);
  return 1;
}

// streamInfo().

int info_protocol(lua_State* L) {
  push_text(L, stream_of<LuaKind::stream_info>(L).connection().protocol);
  return 1;
}
int info_route_name(lua_State* L) {
  const route::Route* const route = stream_of<LuaKind::stream_info>(L).route();
  push_text(L, route == nullptr ? std::string_view() : std::string_view(route->name));
  return 1;
}
int info_virtual_cluster_name(lua_State* L) {
  check_lua_object(L, LuaKind::stream_info);
  push_text(L, "");
  return 1;
}
int info_local_address(lua_State* L) {
  push_text(L, stream_of<LuaKind::stream_info>(L).connection().destination.to_string());
  return 1;
}
int info_direct_remote_address(lua_State* L) {
  push_text(L, stream_of<LuaKind::stream_info>(L).connection().peer.to_string());
  return 1;
}
int info_remote_address(lua_State* L) {
  push_text(L, stream_of<LuaKind::stream_info>(L).connection().remote.to_string());
  return 1;
}
int info_requested_server_name(lua_State* L) {
  push_text(L, stream_of<LuaKind::stream_info>(L).connection().server_name);
  return 1;
}

// Dynamic metadata. Kept as text: a string as it is, everything else as JSON.

void push_metadata(lua_State* L, const LuaStreamFilter& filter,
                   const http::Metadata::Entry& entry) {
  if (!filter.is_string(entry.space, entry.key)) {
    lua::push_json(L, entry.value);
    if (!lua_isnil(L, -1) || entry.value == "null") return;
    lua_pop(L, 1);  // no JSON: it stands for itself
  }
  push_text(L, entry.value);
}

/// Pushes the table of a namespace. @return whether it has any
bool push_space(lua_State* L, LuaExecution& execution, std::string_view space) {
  const http::Metadata* const all = execution.stream().all_metadata();
  if (all == nullptr) return false;
  bool any = false;
  for (const http::Metadata::Entry& entry : all->entries) {
    if (entry.space != space) continue;
    if (!any) lua_newtable(L);
    any = true;
    push_text(L, entry.key);
    push_metadata(L, execution.filter(), entry);
    lua_rawset(L, -3);
  }
  return any;
}

int dynamic_get(lua_State* L) {
  LuaExecution& execution = check_lua_execution(L, LuaKind::dynamic_metadata);
  if (!push_space(L, execution, check_lua_text(L, 2))) lua_pushnil(L);
  return 1;
}

int dynamic_set(lua_State* L) {
  LuaExecution& execution = check_lua_execution(L, LuaKind::dynamic_metadata);
  const std::string_view space = check_lua_text(L, 2);
  const std::string_view key = check_lua_text(L, 3);
  luaL_checkany(L, 4);
  std::string value;
  bool looks_else = false;
  if (lua_type(L, 4) == LUA_TSTRING) {
    value = check_lua_text(L, 4);
    lua::push_json(L, value);
    looks_else = !lua_isnil(L, -1) || value == "null";
  } else {
    lua::append_json(L, 4, value);
  }
  execution.filter().note_string(space, key, looks_else);
  execution.charge_stream(L, space.size() + key.size() + value.size() + 64);
  execution.stream().set_metadata(space, key, std::move(value));
  return 0;
}

// Upvalues: the object, the place of the next entry. One round for each namespace.
int next_space(lua_State* L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  LuaExecution& execution = check_lua_execution(L, LuaKind::dynamic_metadata);
  const http::Metadata* const all = execution.stream().all_metadata();
  auto at = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(2)));
  const auto seen = [&](std::size_t index) {
    for (std::size_t i = 0; i < index; ++i)
      if (all->entries[i].space == all->entries[index].space) return true;
    return false;
  };
  while (all != nullptr && at < all->entries.size() && seen(at)) ++at;
  if (all == nullptr || at >= all->entries.size()) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(at + 1));
  lua_replace(L, lua_upvalueindex(2));
  push_text(L, all->entries[at].space);
  push_space(L, execution, all->entries[at].space);
  return 2;
}

/// pairs() of an object: `next` has the object and the place of the next entry as upvalues.
template <LuaKind kind, lua_CFunction next>
int pairs_of(lua_State* L) {
  check_lua_object(L, kind);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next, 2);
  return 1;
}

// Metadata of the configuration: what a route or a virtual host has under the filter's name.

/// The entries that the object at 1 shows, and the name that they stand under.
const http::Metadata* place_entries(lua_State* L, std::string_view& space) {
  const LuaObject& object = check_lua_object(L, LuaKind::metadata);
  LuaExecution& execution = *object.coroutine->execution;
  const http::Metadata* found = nullptr;
  if (object.part == LuaPart::host) {
    const route::VirtualHost* const host = execution.stream().virtual_host();
    if (host != nullptr) found = host->metadata.get();
  } else if (const route::Route* const route = execution.stream().route(); route != nullptr) {
    found = route->metadata.get();
  }
  if (found == nullptr) return nullptr;
  const auto has = [&](std::string_view name) {
    return std::any_of(found->entries.begin(), found->entries.end(),
                       [&](const auto& entry) { return entry.space == name; });
  };
  space = execution.filter().instance().filter_name();
  if (!has(space)) space = LuaFilter::kName;
  return found;
}

int place_get(lua_State* L) {
  std::string_view space;
  const http::Metadata* const entries = place_entries(L, space);
  const std::string* const value =
      entries == nullptr ? nullptr : entries->find(space, check_lua_text(L, 2));
  if (value == nullptr)
    lua_pushnil(L);
  else
    lua::push_json(L, *value);
  return 1;
}

// Upvalues: the object, the place of the next entry.
int next_place(lua_State* L) {
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(1));
  std::string_view space;
  const http::Metadata* const entries = place_entries(L, space);
  auto at = static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(2)));
  while (entries != nullptr && at < entries->entries.size() && entries->entries[at].space != space)
    ++at;
  if (entries == nullptr || at >= entries->entries.size()) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(at + 1));
  lua_replace(L, lua_upvalueindex(2));
  push_text(L, entries->entries[at].key);
  lua::push_json(L, entries->entries[at].value);
  return 2;
}

}  // namespace

const luaL_Reg kLuaStreamInfoMethods[] = {
    {"protocol", info_protocol},
    {"routeName", info_route_name},
    {"virtualClusterName", info_virtual_cluster_name},
    {"downstreamLocalAddress", info_local_address},
    {"downstreamDirectLocalAddress", info_local_address},
    {"downstreamDirectRemoteAddress", info_direct_remote_address},
    {"downstreamRemoteAddress", info_remote_address},
    {"requestedServerName", info_requested_server_name},
    {"downstreamSslConnection", push_nil<LuaKind::stream_info>},
    {"dynamicMetadata", push_child<LuaKind::stream_info, LuaKind::dynamic_metadata>},
    {"filterState", push_child<LuaKind::stream_info, LuaKind::filter_state>},
    {nullptr, nullptr}};

const luaL_Reg kLuaDynamicMetadataMethods[] = {
    {"get", dynamic_get},
    {"set", dynamic_set},
    {"__pairs", pairs_of<LuaKind::dynamic_metadata, next_space>},
    {nullptr, nullptr}};

const luaL_Reg kLuaFilterStateMethods[] = {{"get", push_nil<LuaKind::filter_state>},
                                           {nullptr, nullptr}};

const luaL_Reg kLuaMetadataMethods[] = {
    {"get", place_get}, {"__pairs", pairs_of<LuaKind::metadata, next_place>}, {nullptr, nullptr}};

const luaL_Reg kLuaConnectionMethods[] = {{"ssl", push_nil<LuaKind::connection>},
                                          {nullptr, nullptr}};

const luaL_Reg kLuaConnectionStreamInfoMethods[] = {
    {"dynamicMetadata", push_child<LuaKind::connection_stream_info, LuaKind::connection_metadata>},
    {nullptr, nullptr}};

const luaL_Reg kLuaConnectionMetadataMethods[] = {
    {"get", push_nil<LuaKind::connection_metadata>},
    {"__pairs", pairs_of_nothing<LuaKind::connection_metadata>},
    {nullptr, nullptr}};

namespace {

/// route() and virtualHost() have the same method.
int place_metadata(lua_State* L) {
  auto* const object =
      static_cast<LuaObject*>(lua_type(L, 1) == LUA_TUSERDATA ? lua_touserdata(L, 1) : nullptr);
  const bool host = object != nullptr && object->kind == LuaKind::virtual_host;
  LuaExecution& execution = check_lua_execution(L, host ? LuaKind::virtual_host : LuaKind::route);
  push_lua_object(L, execution.coroutine(), LuaKind::metadata,
                  host ? LuaPart::host : LuaPart::headers);
  return 1;
}

}  // namespace

const luaL_Reg kLuaRouteMethods[] = {{"metadata", place_metadata}, {nullptr, nullptr}};

}  // namespace weir::filters
