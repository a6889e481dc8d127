// SPDX-License-Identifier: Apache-2.0
// body() and the pieces of bodyChunks().
#include <charconv>
#include <string>

#include "proxy/filters/http/lua/execution.hpp"
#include "proxy/filters/http/lua/objects.hpp"

namespace weir::filters {
namespace {

BodyPiece& piece_of(lua_State* L, LuaExecution& execution) {
  if (execution.piece() == nullptr) luaL_error(L, "object used outside of proper scope");
  return *execution.piece();
}

int buffer_length(lua_State* L) {
  LuaExecution& execution = check_lua_execution(L, LuaKind::buffer);
  lua_pushinteger(L, static_cast<lua_Integer>(piece_of(L, execution).bytes.size()));
  return 1;
}

int buffer_get_bytes(lua_State* L) {
  LuaExecution& execution = check_lua_execution(L, LuaKind::buffer);
  const std::string_view bytes = piece_of(L, execution).bytes;
  const lua_Integer index = luaL_checkinteger(L, 2);
  const lua_Integer length = luaL_checkinteger(L, 3);
  const auto size = static_cast<lua_Integer>(bytes.size());
  if (index < 0 || length < 0 || index > size || length > size - index) {
    luaL_error(L, "index/length must be >= 0 and (index + length) must be <= buffer size");
  }
  lua_pushlstring(L, bytes.data() + index, static_cast<std::size_t>(length));
  return 1;
}

int buffer_set_bytes(lua_State* L) {
  LuaExecution& execution = check_lua_execution(L, LuaKind::buffer);
  BodyPiece& piece = piece_of(L, execution);
  const std::string_view bytes = check_lua_text(L, 2);
  execution.script_state().charge(L, 16 + bytes.size() / 16);
  piece.replace(std::string(bytes));
  if (execution.holds_body()) {  // the whole body: its length is known
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof(digits), bytes.size());
    execution.headers(LuaPart::headers)
        ->set(http::HeaderId::content_length, {digits, static_cast<std::size_t>(end.ptr - digits)});
  }
  lua_pushinteger(L, static_cast<lua_Integer>(bytes.size()));
  return 1;
}

}  // namespace

const luaL_Reg kLuaBufferMethods[] = {{"length", buffer_length},
                                      {"getBytes", buffer_get_bytes},
                                      {"setBytes", buffer_set_bytes},
                                      {nullptr, nullptr}};

}  // namespace weir::filters
