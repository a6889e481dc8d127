// SPDX-License-Identifier: Apache-2.0
// httpCall() and respond().
#include <charconv>
#include <limits>

#include "proxy/filters/http/lua/execution.hpp"
#include "proxy/filters/http/lua/header_text.hpp"
#include "proxy/filters/http/lua/objects.hpp"

namespace weir::filters {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

LuaExecution& self(lua_State* L) { return check_lua_execution(L, LuaKind::handle); }

// What one call costs in instructions: a loop of them ends before it has sent many.
constexpr std::uint64_t kCallCost = 200'000;

/// The key at -2 and the string at -1 of a table that lua_next() walks.
void add_field(lua_State* L, int key, LuaExecution& execution, Headers& headers) {
  if (lua_type(L, key) != LUA_TSTRING || lua_isstring(L, -1) == 0)
    luaL_error(L, "headers must be strings, or tables of strings");
  const LuaHeaderName name(check_lua_text(L, key));
  // Not lua_tolstring on a number: it would change the key under lua_next, and only strings are
  // keys here; a value may change.
  const std::string_view value = check_lua_text(L, -1);
  if (!name.valid()) luaL_error(L, "header name '%s': not a name", lua_tostring(L, key));
  if (!is_lua_header_value(value)) luaL_error(L, "header value: has a line break or a NUL in it");
  execution.charge_stream(L, name.text().size() + value.size() + 32);
  headers.emplace_back(name.text(), value);
}

Headers headers_at(lua_State* L, int table, LuaExecution& execution) {
  luaL_checktype(L, table, LUA_TTABLE);
  Headers headers;
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    const int key = lua_gettop(L) - 1;
    if (lua_istable(L, -1)) {
      lua_pushnil(L);
      while (lua_next(L, -2) != 0) {
        add_field(L, key, execution, headers);
        lua_pop(L, 1);
      }
    } else {
      add_field(L, key, execution, headers);
    }
    lua_pop(L, 1);
  }
  return headers;
}

const std::string* find(const Headers& headers, std::string_view name) {
  for (const auto& [present, value] : headers)
    if (present == name) return &value;
  return nullptr;
}

void set_content_length(Headers& headers, std::size_t length) {
  std::erase_if(headers, [](const auto& field) { return field.first == "content-length"; });
  headers.emplace_back("content-length", std::to_string(length));
}

struct CallOptions {
  std::chrono::milliseconds timeout{0};
  bool asynchronous = false;
  bool duplicate_headers = false;
};

std::chrono::milliseconds timeout_at(lua_State* L, int index) {
  const lua_Number timeout = luaL_checknumber(L, index);
  if (!(timeout >= 0)) luaL_error(L, "http call timeout must be >= 0");
  constexpr lua_Number kMost = std::numeric_limits<std::int32_t>::max();
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(timeout, kMost)));
}

bool flag_of(lua_State* L, int table, const char* name) {
  lua_getfield(L, table, name);
  const bool set = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return set;
}

CallOptions options_at(lua_State* L, int index) {
  CallOptions options;
  if (lua_istable(L, index)) {
    options.asynchronous = flag_of(L, index, "asynchronous");
    options.duplicate_headers = flag_of(L, index, "return_duplicate_headers");
    lua_getfield(L, index, "timeout_ms");
    if (!lua_isnil(L, -1)) options.timeout = timeout_at(L, lua_gettop(L));
    lua_pop(L, 1);
    return options;
  }
  options.timeout = timeout_at(L, index);
  if (!lua_isnone(L, index + 1) && !lua_isboolean(L, index + 1))
    luaL_error(L, "http call asynchronous flag must be 'true', 'false', or empty");
  options.asynchronous = lua_toboolean(L, index + 1) != 0;
  return options;
}

int handle_http_call(lua_State* L) {
  LuaExecution& execution = self(L);
  const std::string_view cluster = check_lua_text(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  const bool has_body = !lua_isnoneornil(L, 4);
  const std::string_view body = has_body ? check_lua_text(L, 4) : std::string_view();
  const CallOptions options = options_at(L, 5);
  execution.script_state().charge(L, kCallCost);
  if (!execution.stream().has_cluster(cluster))
    luaL_error(L, "http call cluster invalid. Must be configured");
  CallRequest request;
  request.headers = headers_at(L, 3, execution);
  if (find(request.headers, ":path") == nullptr || find(request.headers, ":method") == nullptr ||
      find(request.headers, ":authority") == nullptr)
    luaL_error(L, "http call headers must include ':path', ':method', and ':authority'");
  if (has_body) set_content_length(request.headers, body.size());
  execution.charge_stream(L, body.size());
  request.cluster = cluster;
  request.body = body;
  request.timeout = options.timeout;
  if (!options.asynchronous)
    return execution.call(L, std::move(request), options.duplicate_headers);
  execution.stream().start_call(std::move(request), nullptr);
  return 0;
}

int handle_respond(lua_State* L) {
  LuaExecution& execution = self(L);
  if (!execution.is_request())
    luaL_error(L, "respond not currently supported in the response path");
  if (execution.headers_gone())
    luaL_error(L, "respond() cannot be called if headers have been continued");
  luaL_checktype(L, 2, LUA_TTABLE);
  const std::string_view body = lua_isnoneornil(L, 3) ? std::string_view() : check_lua_text(L, 3);
  LuaAnswer answer;
  answer.headers = headers_at(L, 2, execution);
  const std::string* const status = find(answer.headers, ":status");
  if (status != nullptr)
    std::from_chars(status->data(), status->data() + status->size(), answer.status);
  if (answer.status < 200 || answer.status >= 600) luaL_error(L, ":status must be between 200-599");
  std::erase_if(answer.headers, [](const auto& field) {
    return field.first.starts_with(':') || field.first == "content-length";
  });
  execution.charge_stream(L, body.size());
  answer.body = body;
  return execution.answer(L, std::move(answer));
}

}  // namespace

const luaL_Reg kLuaCallMethods[] = {
    {"httpCall", handle_http_call}, {"respond", handle_respond}, {nullptr, nullptr}};

}  // namespace weir::filters
