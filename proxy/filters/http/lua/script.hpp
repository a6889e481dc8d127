// SPDX-License-Identifier: Apache-2.0
// Script: one script on one worker, and the coroutines that streams run it in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "proxy/lua/state.hpp"

namespace weir::filters {

class LuaExecution;

/// A coroutine, and what the objects that a script holds refer to: they outlive the stream that
/// they were made for, hence the numbers, which are never used again.
struct LuaCoroutine {
  lua_State* thread = nullptr;
  int anchor = LUA_NOREF;             // keeps the thread alive
  LuaExecution* execution = nullptr;  // nullptr: not in use
  std::uint64_t phase = 0;            // of the handle's life
  std::uint64_t epoch = 0;            // of a buffer's life: until the next yield
  std::uint64_t cached_phase = 0;     // of the object in `cached`
  int cached = LUA_NOREF;             // headers()
};

/// The functions are found once. Worker thread only.
class LuaScript {
 public:
  /// Error: see lua::State::load.
  static Result<std::unique_ptr<LuaScript>> create(std::string_view source, std::string_view name,
                                                   const lua::Limits& limits = {});

  [[nodiscard]] bool has_request() const noexcept { return on_request_ != LUA_REFNIL; }
  [[nodiscard]] bool has_response() const noexcept { return on_response_ != LUA_REFNIL; }

  /// A coroutine with the function and its handle on the stack.
  LuaCoroutine* begin(LuaExecution& execution, bool request);
  /// The objects of the coroutine are dead from here on; it serves again when it ended well.
  void finish(LuaCoroutine& coroutine, bool reusable);
  /// Buffers are dead from here on.
  void next_epoch(LuaCoroutine& coroutine) noexcept { coroutine.epoch = ++last_number_; }

  [[nodiscard]] lua::State& state() noexcept { return state_; }
  /// Streams that it runs for.
  [[nodiscard]] std::size_t in_use() const noexcept { return in_use_; }

 private:
  explicit LuaScript(const lua::Limits& limits) : state_(limits) {}
  int find_function(const char* name);
  void make_thread(LuaCoroutine& coroutine);

  lua::State state_;
  int on_request_ = LUA_REFNIL;
  int on_response_ = LUA_REFNIL;
  std::uint64_t last_number_ = 0;
  std::size_t in_use_ = 0;
  std::vector<std::unique_ptr<LuaCoroutine>> coroutines_;
  std::vector<LuaCoroutine*> idle_;
};

}  // namespace weir::filters
