// SPDX-License-Identifier: Apache-2.0
// State: a Lua virtual machine that a script cannot leave, fill or keep busy.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <lua.hpp>

#include "common/result.hpp"

namespace weir::lua {

/// What a script may use.
struct Limits {
  std::size_t memory = std::size_t{32} << 20;     // of the state, all streams together
  std::uint64_t instructions = 50'000'000;        // of one run
  std::chrono::milliseconds processor_time{500};  // of one run
  std::size_t allocated = std::size_t{1} << 30;   // in one run, freed or not
};

/// A state with the safe part of the standard library. The interpreter runs alone: compiled code
/// cannot be stopped, and scripts that mostly call functions of ours gain nothing from it. Single
/// thread. Outside of run() and resume() nothing is limited, so that what the host does to the
/// state cannot fail.
class State {
 public:
  explicit State(const Limits& limits = {});
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// The state that `L`, or a coroutine of it, belongs to.
  static State& of(lua_State* L) {
    void* self = nullptr;
    lua_getallocf(L, &self);
    return *static_cast<State*>(self);
  }

  /// Compiles source text (never bytecode) and runs it, as a rule to define functions. `name`
  /// stands in front of the line in errors. Error: "script load error: NAME:LINE: reason".
  Result<void> load(std::string_view source, std::string_view name);

  [[nodiscard]] lua_State* main() const noexcept { return main_; }

  /// lua_resume() under the limits. Not from inside a script.
  int resume(lua_State* thread, int arguments);
  /// The text of the error on top of the stack of a coroutine that failed; pops it.
  static std::string take_error(lua_State* thread);

  // For functions that a script calls. They raise Lua errors.
  /// Counts work that instructions do not show.
  void charge(lua_State* L, std::uint64_t instructions);
  /// Goes on with the error that stopped the script, when a script has caught it.
  void raise_if_stopped(lua_State* L) const;

  /// Bytes in use.
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] const Limits& limits() const noexcept { return limits_; }
  /// The coroutine that resume() runs; nullptr: none.
  [[nodiscard]] lua_State* running() const noexcept { return running_; }

 private:
  enum class Stop : std::uint8_t { none, instructions, time, allocated };

  static void* allocate(void* self, void* block, std::size_t old_size, std::size_t size);
  static void on_count(lua_State* L, lua_Debug* where);
  [[nodiscard]] bool may_grow(std::size_t by) noexcept;
  void count(lua_State* L, std::uint64_t instructions);
  void check_stack(lua_State* L) const;
  [[nodiscard]] bool out_of_time();
  [[noreturn]] void stop(lua_State* L, Stop reason);
  void push_reason(lua_State* L) const;
  [[noreturn]] void raise(lua_State* L) const;
  void begin(lua_State* thread);
  void collect();
  void end(lua_State* thread, int status);

  const Limits limits_;
  lua_State* main_ = nullptr;
  lua_State* running_ = nullptr;
  std::size_t used_ = 0;
  bool collect_ = false;  // before the next run
  int runs_without_collection_ = 0;

  // Of the run that is under way.
  std::uint64_t instructions_ = 0;
  std::size_t allocated_ = 0;
  const char* stack_base_ = nullptr;
  bool timed_ = false;
  std::chrono::steady_clock::time_point began_;
  std::chrono::nanoseconds processor_began_{0};
  Stop stopped_ = Stop::none;
};

/// Opens what a script may use of the standard library, and replaces what it may not use as it is.
/// Called once by State.
void open_sandbox(lua_State* L);

}  // namespace weir::lua
