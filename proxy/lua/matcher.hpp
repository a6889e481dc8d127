// SPDX-License-Identifier: Apache-2.0
// Matcher: one Lua pattern against one text, with backtracking that is counted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <lua.hpp>

namespace weir::lua {

/// Raises Lua errors for malformed patterns, and when the script has used up its instructions.
/// `text` and `pattern` must stay on the Lua stack.
class Matcher {
 public:
  static constexpr int kMostCaptures = 32;

  Matcher(lua_State* L, std::string_view text, std::string_view pattern);

  /// Matches at `text + at`, the anchor of the pattern left aside. @return the end, or nullptr.
  const char* match_at(std::size_t at);
  [[nodiscard]] bool anchored() const noexcept { return anchored_; }

  /// Pushes capture `index`; when the pattern has none, the whole match [start, end) is number 0.
  void push_capture(int index, const char* start, const char* end);
  /// Pushes all captures, or the whole match if there are none and `whole`. @return how many
  int push_captures(const char* start, const char* end, bool whole);
  [[nodiscard]] int captures() const noexcept { return level_; }

 private:
  struct Capture {
    const char* start = nullptr;
    std::ptrdiff_t length = 0;  // or one of the two
  };
  static constexpr std::ptrdiff_t kOpen = -1;
  static constexpr std::ptrdiff_t kPosition = -2;
  static constexpr int kDeepest = 200;

  const char* match(const char* at, const char* item);
  const char* match_items(const char* at, const char* item);
  const char* repeat_most(const char* at, const char* item, const char* after);
  const char* repeat_least(const char* at, const char* item, const char* after);
  const char* open_capture(const char* at, const char* item, std::ptrdiff_t kind);
  const char* close_capture(const char* at, const char* item);
  const char* balanced(const char* at, const char* item);
  const char* back_reference(const char* at, char digit);
  [[nodiscard]] bool frontier(const char* at, const char* set, const char* set_end) const;
  [[nodiscard]] const char* item_end(const char* item) const;
  [[nodiscard]] bool matches_one(const char* at, const char* item, const char* after) const;
  void step();

  lua_State* L_;
  const char* text_;
  const char* text_end_;
  const char* pattern_;
  const char* pattern_end_;
  bool anchored_ = false;
  int level_ = 0;
  int depth_ = 0;
  std::uint32_t steps_ = 0;
  std::array<Capture, kMostCaptures> captured_;
};

}  // namespace weir::lua
