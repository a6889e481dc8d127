// SPDX-License-Identifier: Apache-2.0
#include "proxy/lua/matcher.hpp"

#include <cctype>
#include <cstring>

#include "proxy/lua/state.hpp"

namespace weir::lua {
namespace {

unsigned char byte_of(char character) { return static_cast<unsigned char>(character); }

/// Whether `character` belongs to the class that follows a '%'; a letter in upper case is the
/// complement, everything else stands for itself.
bool in_class(unsigned char character, unsigned char letter) {
  bool in = false;
  switch (std::tolower(letter)) {
    case 'a':
      in = std::isalpha(character) != 0;
      break;
    case 'c':
      in = std::iscntrl(character) != 0;
      break;
    case 'd':
      in = std::isdigit(character) != 0;
      break;
    case 'g':
      in = std::isgraph(character) != 0;
      break;
    case 'l':
      in = std::islower(character) != 0;
      break;
    case 'p':
      in = std::ispunct(character) != 0;
      break;
    case 's':
      in = std::isspace(character) != 0;
      break;
    case 'u':
      in = std::isupper(character) != 0;
      break;
    case 'w':
      in = std::isalnum(character) != 0;
      break;
    case 'x':
      in = std::isxdigit(character) != 0;
      break;
    case 'z':
      in = character == 0;
      break;
    default:
      return letter == character;
  }
  return (std::isupper(letter) != 0) != in;
}

/// [set, end): from '[' up to and without the ']' that closes it.
bool in_set(unsigned char character, const char* set, const char* end) {
  const bool complement = set + 1 < end && set[1] == '^';
  for (const char* at = set + (complement ? 2 : 1); at < end; ++at) {
    if (*at == '%' && at + 1 < end) {
      if (in_class(character, byte_of(*++at))) return !complement;
    } else if (at + 2 < end && at[1] == '-') {
      if (byte_of(at[0]) <= character && character <= byte_of(at[2])) return !complement;
      at += 2;
    } else if (byte_of(*at) == character) {
      return !complement;
    }
  }
  return complement;
}

}  // namespace

Matcher::Matcher(lua_State* L, std::string_view text, std::string_view pattern)
    : L_(L),
      text_(text.data()),
      text_end_(text.data() + text.size()),
      pattern_(pattern.data()),
      pattern_end_(pattern.data() + pattern.size()) {
  if (!pattern.empty() && pattern.front() == '^') {
    anchored_ = true;
    ++pattern_;
  }
}

void Matcher::step() {
  constexpr std::uint32_t kBatch = 1024;
  if (++steps_ % kBatch == 0) State::of(L_).charge(L_, kBatch);
}

const char* Matcher::match_at(std::size_t at) {
  level_ = 0;
  depth_ = 0;
  return match(text_ + at, pattern_);
}

const char* Matcher::item_end(const char* item) const {
  const char first = *item++;
  if (first == '%') {
    if (item == pattern_end_) luaL_error(L_, "malformed pattern (ends with '%%')");
    return item + 1;
  }
  if (first != '[') return item;
  if (item < pattern_end_ && *item == '^') ++item;
  do {  // the first character of a set is never its end
    if (item == pattern_end_) luaL_error(L_, "malformed pattern (missing ']')");
    if (*item++ == '%' && item < pattern_end_) ++item;
  } while (item == pattern_end_ || *item != ']');
  return item + 1;
}

bool Matcher::matches_one(const char* at, const char* item, const char* after) const {
  if (at >= text_end_) return false;
  const unsigned char character = byte_of(*at);
  switch (*item) {
    case '.':
      return true;
    case '%':
      return in_class(character, byte_of(item[1]));
    case '[':
      return in_set(character, item, after - 1);
    default:
      return byte_of(*item) == character;
  }
}

const char* Matcher::match(const char* at, const char* item) {
  if (++depth_ > kDeepest) luaL_error(L_, "pattern too complex");
  const char* const end = match_items(at, item);
  --depth_;
  return end;
}

const char* Matcher::match_items(const char* at, const char* item) {
  while (item != pattern_end_) {
    step();
    if (*item == '(') {
      if (item + 1 < pattern_end_ && item[1] == ')') return open_capture(at, item + 2, kPosition);
      return open_capture(at, item + 1, kOpen);
    }
    if (*item == ')') return close_capture(at, item + 1);
    if (*item == '$' && item + 1 == pattern_end_) return at == text_end_ ? at : nullptr;
    if (*item == '%' && item + 1 < pattern_end_) {
      const char kind = item[1];
      if (kind == 'b') {
        if ((at = balanced(at, item + 2)) == nullptr) return nullptr;
        item += 4;
        continue;
      }
      if (kind == 'f') {
        item += 2;
        if (item == pattern_end_ || *item != '[')
          luaL_error(L_, "missing '[' after '%%f' in pattern");
        const char* const after = item_end(item);
        if (!frontier(at, item, after - 1)) return nullptr;
        item = after;
        continue;
      }
      if (std::isdigit(byte_of(kind)) != 0) {
        if ((at = back_reference(at, kind)) == nullptr) return nullptr;
        item += 2;
        continue;
      }
    }
    const char* const after = item_end(item);
    const char suffix = after < pattern_end_ ? *after : '\0';
    switch (suffix) {
      case '?':
        if (matches_one(at, item, after)) {
          if (const char* const end = match(at + 1, after + 1)) return end;
        }
        item = after + 1;
        continue;
      case '*':
        return repeat_most(at, item, after);
      case '+':
        return matches_one(at, item, after) ? repeat_most(at + 1, item, after) : nullptr;
      case '-':
        return repeat_least(at, item, after);
      default:
        if (!matches_one(at, item, after)) return nullptr;
        ++at;
        item = after;
    }
  }
  return at;
}

const char* Matcher::repeat_most(const char* at, const char* item, const char* after) {
  std::ptrdiff_t times = 0;
  while (matches_one(at + times, item, after)) {
    step();
    ++times;
  }
  for (; times >= 0; --times) {
    if (const char* const end = match(at + times, after + 1)) return end;
  }
  return nullptr;
}

const char* Matcher::repeat_least(const char* at, const char* item, const char* after) {
  for (;; ++at) {
    if (const char* const end = match(at, after + 1)) return end;
    if (!matches_one(at, item, after)) return nullptr;
  }
}

const char* Matcher::open_capture(const char* at, const char* item, std::ptrdiff_t kind) {
  if (level_ >= kMostCaptures) luaL_error(L_, "too many captures");
  captured_[static_cast<std::size_t>(level_++)] = {at, kind};
  const char* const end = match(at, item);
  if (end == nullptr) --level_;
  return end;
}

const char* Matcher::close_capture(const char* at, const char* item) {
  int open = level_ - 1;
  while (open >= 0 && captured_[static_cast<std::size_t>(open)].length != kOpen) --open;
  if (open < 0) luaL_error(L_, "invalid pattern capture");
  Capture& capture = captured_[static_cast<std::size_t>(open)];
  capture.length = at - capture.start;
  const char* const end = match(at, item);
  if (end == nullptr) capture.length = kOpen;
  return end;
}

const char* Matcher::balanced(const char* at, const char* item) {
  if (pattern_end_ - item < 2) luaL_error(L_, "unbalanced pattern");
  if (at >= text_end_ || *at != item[0]) return nullptr;
  int depth = 1;
  for (++at; at < text_end_; ++at) {
    step();
    if (*at == item[1]) {
      if (--depth == 0) return at + 1;
    } else if (*at == item[0]) {
      ++depth;
    }
  }
  return nullptr;
}

bool Matcher::frontier(const char* at, const char* set, const char* set_end) const {
  const unsigned char before = at == text_ ? 0 : byte_of(at[-1]);
  const unsigned char here = at < text_end_ ? byte_of(*at) : 0;
  return !in_set(before, set, set_end) && in_set(here, set, set_end);
}

const char* Matcher::back_reference(const char* at, char digit) {
  const int index = digit - '1';
  if (index < 0 || index >= level_ || captured_[static_cast<std::size_t>(index)].length == kOpen)
    luaL_error(L_, "invalid capture index");
  const Capture& capture = captured_[static_cast<std::size_t>(index)];
  if (capture.length == kPosition) return nullptr;  // a place is no text
  const auto length = static_cast<std::size_t>(capture.length);
  State::of(L_).charge(L_, length / 64);
  if (static_cast<std::size_t>(text_end_ - at) < length ||
      std::memcmp(capture.start, at, length) != 0)
    return nullptr;
  return at + length;
}

void Matcher::push_capture(int index, const char* start, const char* end) {
  if (index >= level_) {
    if (index != 0) luaL_error(L_, "invalid capture index");
    lua_pushlstring(L_, start, static_cast<std::size_t>(end - start));
    return;
  }
  const Capture& capture = captured_[static_cast<std::size_t>(index)];
  if (capture.length == kOpen) luaL_error(L_, "unfinished capture");
  if (capture.length == kPosition)
    lua_pushinteger(L_, capture.start - text_ + 1);
  else
    lua_pushlstring(L_, capture.start, static_cast<std::size_t>(capture.length));
}

int Matcher::push_captures(const char* start, const char* end, bool whole) {
  const int count = level_ == 0 && whole ? 1 : level_;
  luaL_checkstack(L_, count, "too many captures");
  for (int i = 0; i < count; ++i) push_capture(i, start, end);
  return count;
}

}  // namespace weir::lua
