// SPDX-License-Identifier: Apache-2.0
#include "proxy/lua/json.hpp"

#include <charconv>
#include <cstring>

#include "common/json_writer.hpp"
#include "proxy/lua/state.hpp"

namespace weir::lua {
namespace {

constexpr int kDeepest = 32;

/// A table is a list when its keys are 1 … n.
std::size_t list_length(lua_State* L, int table) {
  const std::size_t length = lua_objlen(L, table);
  std::size_t keys = 0;
  lua_pushnil(L);
  while (lua_next(L, table) != 0) {
    lua_pop(L, 1);
    ++keys;
  }
  return keys == length ? length : 0;
}

void append_string(std::string_view text, std::string& out) {
  out += '"';
  append_escaped_json(text, out);
  out += '"';
}

class Writer {
 public:
  Writer(lua_State* L, std::string& out) : L_(L), out_(out) {}

  void append(int index) {
    State::of(L_).charge(L_, 10);
    switch (lua_type(L_, index)) {
      case LUA_TNIL:
        out_ += "null";
        break;
      case LUA_TBOOLEAN:
        out_ += lua_toboolean(L_, index) != 0 ? "true" : "false";
        break;
      case LUA_TNUMBER:
        append_json_number(lua_tonumber(L_, index), out_);
        break;
      case LUA_TSTRING: {
        std::size_t length = 0;
        const char* const text = lua_tolstring(L_, index, &length);
        State::of(L_).charge(L_, length / 16);
        append_string({text, length}, out_);
        break;
      }
      case LUA_TTABLE:
        append_table(index);
        break;
      default:
        luaL_error(L_, "unexpected type '%s' in metadata", luaL_typename(L_, index));
    }
  }

 private:
  void append_table(int table) {
    if (++depth_ > kDeepest) luaL_error(L_, "tables are nested more than %d deep", kDeepest);
    luaL_checkstack(L_, 4, "tables are nested too deep");
    if (const std::size_t length = list_length(L_, table); length != 0)
      append_list(table, length);
    else
      append_object(table);
    --depth_;
  }

  void append_list(int table, std::size_t length) {
    for (std::size_t i = 1; i <= length; ++i) {
      out_ += i == 1 ? '[' : ',';
      lua_rawgeti(L_, table, static_cast<int>(i));
      append(lua_gettop(L_));
      lua_pop(L_, 1);
    }
    out_ += ']';
  }

  void append_object(int table) {
    char separator = '{';
    lua_pushnil(L_);
    while (lua_next(L_, table) != 0) {
      out_ += separator;
      separator = ',';
      append_key(lua_gettop(L_) - 1);
      out_ += ':';
      append(lua_gettop(L_));
      lua_pop(L_, 1);
    }
    out_ += separator == '{' ? "{}" : "}";
  }

  void append_key(int index) {
    if (lua_type(L_, index) == LUA_TNUMBER) {  // lua_tolstring would change it under lua_next
      out_ += '"';
      append_json_number(lua_tonumber(L_, index), out_);
      out_ += '"';
      return;
    }
    if (lua_type(L_, index) != LUA_TSTRING)
      luaL_error(L_, "unexpected type '%s' as a key in metadata", luaL_typename(L_, index));
    std::size_t length = 0;
    const char* const text = lua_tolstring(L_, index, &length);
    append_string({text, length}, out_);
  }

  lua_State* L_;
  std::string& out_;
  int depth_ = 0;
};

/// Reads one value, pushing as it goes. On failure what was pushed is for the caller to drop.
class Reader {
 public:
  Reader(lua_State* L, std::string_view text) : L_(L), rest_(text) {}

  bool read_all() {
    if (!read_value()) return false;
    skip_space();
    return rest_.empty();
  }

 private:
  void skip_space() {
    const std::size_t at = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at);
  }
  bool take(char wanted) {
    skip_space();
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool read_value() {
    skip_space();
    if (rest_.empty() || depth_ > kDeepest || lua_checkstack(L_, 4) == 0) return false;
    switch (rest_.front()) {
      case '{':
        return read_object();
      case '[':
        return read_list();
      case '"':
        return read_string();
      default:
        return read_scalar();
    }
  }

  bool read_scalar() {
    if (take_word("null"))
      lua_pushnil(L_);
    else if (take_word("true"))
      lua_pushboolean(L_, 1);
    else if (take_word("false"))
      lua_pushboolean(L_, 0);
    else
      return read_number();
    return true;
  }

  bool read_number() {
    double number = 0;
    const char* const begin = rest_.data();
    if (rest_.front() != '-' && (rest_.front() < '0' || rest_.front() > '9')) return false;
    const auto end = std::from_chars(begin, begin + rest_.size(), number);
    if (end.ec != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end.ptr - begin));
    lua_pushnumber(L_, number);
    return true;
  }

  bool read_object() {
    rest_.remove_prefix(1);
    ++depth_;
    lua_newtable(L_);
    if (!take('}')) {
      do {
        skip_space();
        if (!read_string() || !take(':') || !read_value()) return false;
        lua_rawset(L_, -3);
      } while (take(','));
      if (!take('}')) return false;
    }
    --depth_;
    return true;
  }

  bool read_list() {
    rest_.remove_prefix(1);
    ++depth_;
    lua_newtable(L_);
    if (!take(']')) {
      int index = 0;
      do {
        if (!read_value()) return false;
        lua_rawseti(L_, -2, ++index);
      } while (take(','));
      if (!take(']')) return false;
    }
    --depth_;
    return true;
  }

  bool read_string() {
    if (rest_.empty() || rest_.front() != '"') return false;
    rest_.remove_prefix(1);
    std::string text;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') {
        if (!read_escape(text)) return false;
      } else {
        text += rest_.front();
        rest_.remove_prefix(1);
      }
    }
    if (rest_.empty()) return false;
    rest_.remove_prefix(1);
    lua_pushlstring(L_, text.data(), text.size());
    return true;
  }

  bool read_escape(std::string& text) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.size() < 2) return false;
    const char letter = rest_[1];
    rest_.remove_prefix(2);
    if (letter == 'u') return read_code_unit(text);
    const std::size_t at = kLetters.find(letter);
    if (at == std::string_view::npos) return false;
    text += kMeanings[at];
    return true;
  }

  bool take_hex(unsigned& unit) {
    const char* const begin = rest_.data();
    if (rest_.size() < 4) return false;
    const auto end = std::from_chars(begin, begin + 4, unit, 16);
    if (end.ec != std::errc() || end.ptr != begin + 4) return false;
    rest_.remove_prefix(4);
    return true;
  }

  bool read_code_unit(std::string& text) {
    unsigned code = 0;
    if (!take_hex(code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      unsigned low = 0;
      if (!take_word("\\u") || !take_hex(low) || low < 0xDC00 || low > 0xDFFF) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(code, text);
    return true;
  }

  static void append_utf8(unsigned code, std::string& text) {
    const auto tail = [&](unsigned shift) {
      text += static_cast<char>(0x80 | ((code >> shift) & 0x3F));
    };
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xC0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      text += static_cast<char>(0xE0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      text += static_cast<char>(0xF0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  lua_State* L_;
  std::string_view rest_;
  int depth_ = 0;
};

}  // namespace

void append_json(lua_State* L, int index, std::string& out) { Writer(L, out).append(index); }

void push_json(lua_State* L, std::string_view json) {
  const int top = lua_gettop(L);
  if (Reader(L, json).read_all()) return;
  lua_settop(L, top);
  lua_pushnil(L);
}

}  // namespace weir::lua
