// SPDX-License-Identifier: Apache-2.0
#include "proxy/lua/state.hpp"

#include <cassert>
#include <cstdlib>
#include <ctime>

namespace weir::lua {
namespace {

// Instructions between two looks at the limits. Small enough that a recursion through C functions,
// some 9 KiB of C stack a level, is seen long before a thread's stack is full.
constexpr int kPeriod = 200;
constexpr std::ptrdiff_t kLargestCStack = std::ptrdiff_t{256} << 10;

std::chrono::nanoseconds processor_time() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

State::State(const Limits& limits) : limits_(limits) {
  main_ = lua_newstate(allocate, this);
  if (main_ == nullptr) std::abort();  // as operator new would
  lua_gc(main_, LUA_GCSTOP, 0);
  luaJIT_setmode(main_, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  open_sandbox(main_);
  lua_sethook(main_, on_count, LUA_MASKCOUNT, kPeriod);
  lua_gc(main_, LUA_GCRESTART, 0);
}

State::~State() { lua_close(main_); }

bool State::may_grow(std::size_t by) noexcept {
  if (running_ == nullptr) return true;
  allocated_ += by;
  if (allocated_ > limits_.allocated && stopped_ == Stop::none) stopped_ = Stop::allocated;
  return stopped_ != Stop::allocated && used_ + by <= limits_.memory;
}

void* State::allocate(void* self, void* block, std::size_t old_size, std::size_t size) {
  auto& state = *static_cast<State*>(self);
  if (size == 0) {
    state.used_ -= old_size;
    std::free(block);  // NOLINT(cppcoreguidelines-no-malloc): Lua's allocator is realloc's shape
    return nullptr;
  }
  if (size > old_size && !state.may_grow(size - old_size)) return nullptr;
  void* const grown = std::realloc(block, size);  // NOLINT(cppcoreguidelines-no-malloc)
  if (grown != nullptr) state.used_ += size - old_size;
  return grown;
}

bool State::out_of_time() {
  const auto now = std::chrono::steady_clock::now();
  if (!timed_) {  // the first look: short runs never pay for a clock
    timed_ = true;
    began_ = now;
    processor_began_ = processor_time();
    return false;
  }
  // On a busy machine the clock on the wall runs while we do not.
  return now - began_ > limits_.processor_time &&
         processor_time() - processor_began_ > limits_.processor_time;
}

void State::push_reason(lua_State* L) const {
  switch (stopped_) {
    case Stop::instructions:
      lua_pushfstring(L, "script stopped: it ran more than %d instructions",
                      static_cast<int>(limits_.instructions));
      break;
    case Stop::time:
      lua_pushfstring(L, "script stopped: it ran for more than %d ms",
                      static_cast<int>(limits_.processor_time.count()));
      break;
    default:
      lua_pushfstring(L, "script stopped: it allocated more than %d MiB in one run",
                      static_cast<int>(limits_.allocated >> 20));
  }
}

void State::raise(lua_State* L) const {
  luaL_where(L, 0);
  push_reason(L);
  lua_concat(L, 2);
  lua_error(L);
  std::abort();  // lua_error does not return
}

void State::stop(lua_State* L, Stop reason) {
  stopped_ = reason;
  raise(L);
}

void State::check_stack(lua_State* L) const {
  // Not the address of a variable: AddressSanitizer keeps those elsewhere.
  if (stack_base_ - static_cast<const char*>(__builtin_frame_address(0)) < kLargestCStack) return;
  luaL_where(L, 0);
  lua_pushliteral(L, "stack overflow: too many functions call each other through the library");
  lua_concat(L, 2);
  lua_error(L);
}

void State::count(lua_State* L, std::uint64_t instructions) {
  instructions_ += instructions;
  raise_if_stopped(L);
  if (instructions_ > limits_.instructions) stop(L, Stop::instructions);
  check_stack(L);
  if (out_of_time()) stop(L, Stop::time);
}

void State::on_count(lua_State* L, lua_Debug*) {
  State& state = of(L);
  if (state.running_ != nullptr) state.count(L, kPeriod);
}

void State::charge(lua_State* L, std::uint64_t instructions) {
  if (running_ == nullptr) return;
  instructions_ += instructions;
  if (instructions_ > limits_.instructions) count(L, 0);
  check_stack(L);
}

void State::raise_if_stopped(lua_State* L) const {
  if (stopped_ != Stop::none) raise(L);
}

void State::begin(lua_State* thread) {
  assert(running_ == nullptr);
  if (collect_) collect();
  running_ = thread;
  instructions_ = 0;
  allocated_ = 0;
  timed_ = false;
  stopped_ = Stop::none;
}

void State::end(lua_State* thread, int status) {
  running_ = nullptr;
  if (status == LUA_ERRMEM && stopped_ == Stop::allocated) {  // say which memory
    lua_pop(thread, 1);
    push_reason(thread);
  }
  stopped_ = Stop::none;
  if (status == LUA_ERRMEM || (status > LUA_YIELD && used_ > limits_.memory / 2)) collect_ = true;
}

void State::collect() {
  // What filled the state is garbage, now that its coroutine is gone; but the collector is paced by
  // what was in use before. When it is no garbage, a collection for each failure helps nobody.
  collect_ = false;
  if (runs_without_collection_-- > 0) return;
  lua_gc(main_, LUA_GCCOLLECT, 0);
  runs_without_collection_ = used_ > limits_.memory / 2 ? 1000 : 0;
}

int State::resume(lua_State* thread, int arguments) {
  stack_base_ = static_cast<const char*>(__builtin_frame_address(0));
  begin(thread);
  const int status = lua_resume(thread, arguments);
  end(thread, status);
  return status;
}

std::string State::take_error(lua_State* thread) {
  std::size_t length = 0;
  const char* const text = lua_tolstring(thread, -1, &length);
  std::string message = text != nullptr ? std::string(text, length) : "unspecified lua error";
  lua_pop(thread, 1);
  return message;
}

Result<void> State::load(std::string_view source, std::string_view name) {
  const std::string chunk = "=" + std::string(name);
  lua_State* const thread = lua_newthread(main_);
  int status = luaL_loadbufferx(thread, source.data(), source.size(), chunk.c_str(), "t");
  if (status == 0) status = resume(thread, 0);
  Result<void> result;
  if (status == LUA_YIELD)
    result = Error{"script load error: " + std::string(name) + ": yields outside of a function"};
  else if (status != 0)
    result = Error{"script load error: " + take_error(thread)};
  lua_settop(main_, 0);
  return result;
}

}  // namespace weir::lua
