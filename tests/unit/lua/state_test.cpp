// SPDX-License-Identifier: Apache-2.0
// The limits: endless loops, memory, recursion through the library, and whatever catches errors.
#include "proxy/lua/state.hpp"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/run_script.hpp"

namespace weir::lua {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Limits small_limits() {
  Limits limits;
  limits.memory = std::size_t{4} << 20;
  limits.instructions = 1'000'000;
  limits.allocated = std::size_t{64} << 20;
  return limits;
}

struct Endless {
  const char* name;
  const char* text;
};
class EndlessScript : public ::testing::TestWithParam<Endless> {};

TEST_P(EndlessScript, IsStoppedSoonAndTheStateWorksOn) {
  State state(small_limits());
  const auto begin = std::chrono::steady_clock::now();
  const std::string out = run(state, GetParam().text);
  EXPECT_THAT(out, StartsWith("error: "));
  EXPECT_THAT(out, HasSubstr("script stopped: it ran more than 1000000 instructions"));
  // Some 20 ms by itself; the rest is for machines that do other things too.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_EQ(run(state, "return 1 + 1"), "2");
}

INSTANTIATE_TEST_SUITE_P(
    Limits, EndlessScript,
    ::testing::Values(
        Endless{"Loop", "while true do end"}, Endless{"Goto", "::again:: goto again"},
        Endless{"TailCall", "local function f() return f() end f()"},
        Endless{"CaughtOverAndOver", "while true do pcall(function() while true do end end) end"},
        Endless{"CaughtByXpcall",
                "while true do xpcall(function() while true do end end, tostring) end"},
        Endless{"HandlerThatLoops",
                "xpcall(function() error('x') end, function() while true do end end)"},
        Endless{"HandlerOfTheStopThatLoops",
                "xpcall(function() while true do end end, function() while true do end end)"},
        Endless{"InACoroutine", "coroutine.wrap(function() while true do end end)()"},
        Endless{"CaughtByResume",
                "while true do coroutine.resume(coroutine.create(function() while true do end "
                "end)) end"},
        Endless{"MetamethodLoop",
                "local t = setmetatable({}, {__index = function(t, k) while true do end end}) "
                "return t.x"},
        Endless{"CallMetamethod",
                "local f = setmetatable({}, {__call = function(s) return s() end}) f()"},
        Endless{"SortComparator", "table.sort({1, 2, 3}, function() while true do end end)"},
        Endless{"GsubCallback", "('x'):gsub('x', function() while true do end end)"},
        Endless{"GmatchOfNothing", "while true do for m in (''):gmatch('') do end end"},
        Endless{"LoadedCode", "load('while true do end')()"},
        Endless{"LoadReader", "load(function() while true do end end)"},
        Endless{"Backtracking", "return (('a'):rep(400)):find(('a-'):rep(10) .. 'b')"},
        Endless{"BacktrackingGreedy", "return (('a'):rep(400)):match(('a*'):rep(10) .. 'b')"},
        Endless{"BacktrackingInPcall",
                "while true do pcall(string.find, ('a'):rep(400), ('.-'):rep(10) .. 'b') end"},
        Endless{"Printing", "while true do print('') end"}),
    [](const auto& case_of) { return case_of.param.name; });

TEST(StateLimits, ProcessorTimeEndsWhatInstructionsDoNotShow) {
  Limits limits;
  limits.processor_time = std::chrono::milliseconds(50);
  limits.allocated = std::size_t{1} << 40;
  limits.instructions = std::uint64_t{1} << 60;
  State state(limits);
  const auto begin = std::chrono::steady_clock::now();
  // Each insertion moves the whole table.
  const std::string out = run(state, R"(
    local t = {}
    for i = 1, 200000 do t[i] = i end
    while true do table.insert(t, 1, 0) table.remove(t, 1) end)");
  EXPECT_THAT(out, HasSubstr("script stopped: it ran for more than 50 ms"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(StateLimits, WhatIsAllocatedAndFreedCountsToo) {
  State state(small_limits());
  const std::string expected = "script stopped: it allocated more than 64 MiB in one run";
  for (const char* const text :
       {"while true do coroutine.create(print) end",
        "local i = 0 while true do i = i + 1 local s = ('x'):rep(1e5) .. i end",
        "while true do pcall(function() while true do local t = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, "
        "3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8} end end) end"})
    EXPECT_THAT(run(state, text), HasSubstr(expected)) << text;
  EXPECT_EQ(run(state, "return 1"), "1");
}

class MemoryBomb : public ::testing::TestWithParam<Endless> {};

TEST_P(MemoryBomb, FailsWithinTheLimitAndIsForgotten) {
  const Limits limits = small_limits();
  State state(limits);
  const std::size_t before = state.used();
  EXPECT_THAT(run(state, GetParam().text), StartsWith("error: "));
  EXPECT_LE(state.used(), limits.memory);
  EXPECT_EQ(run(state, "return #string.rep('x', 1000000)"), "1000000");
  lua_gc(state.main(), LUA_GCCOLLECT, 0);
  lua_gc(state.main(), LUA_GCCOLLECT, 0);
  EXPECT_LT(state.used(), before + 1'000'000);
}

INSTANTIATE_TEST_SUITE_P(
    Limits, MemoryBomb,
    ::testing::Values(
        Endless{"Rep", "return string.rep('x', 1e9)"},
        Endless{"RepOfRep", "return ('x'):rep(1e6):rep(1e6)"},
        Endless{"RepWithSeparator", "return string.rep('', 1e9, 'xxxxxxxx')"},
        Endless{"Doubling", "local s = 'x' while true do s = s .. s end"},
        Endless{"Concat",
                "local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(1000) end "
                "return table.concat(t)"},
        Endless{"Table", "local t = {} while true do t[#t + 1] = #t end"},
        Endless{"Closures", "local t = {} while true do t[#t + 1] = function() return t end end"},
        Endless{"Coroutines",
                "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end"},
        Endless{"Format",
                "local s = ('x'):rep(1e6) return string.format(('%s'):rep(90), s, s, s, "
                "s, s, s, s, s, s, s)"},
        Endless{"Gsub", "return (('x'):rep(1e5)):gsub('x', ('y'):rep(1e5))"},
        Endless{"GsubFunction",
                "local y = ('y'):rep(1e5) return (('x'):rep(1e5)):gsub('x', function() return y "
                "end)"},
        Endless{"Upper", "local s = ('x'):rep(3e6) return s:upper() .. s"},
        Endless{"CaughtGarbage",
                "while true do pcall(function() local t = {} while true do t[#t + 1] = {} end end) "
                "end"},
        Endless{"Preallocated", "return #table.pack(unpack({}, 1, 7999)) .. ('x'):rep(1e7)"}),
    [](const auto& case_of) { return case_of.param.name; });

class DeepRecursion : public ::testing::TestWithParam<Endless> {};

TEST_P(DeepRecursion, IsAnError) {
  State state;
  EXPECT_THAT(run(state, GetParam().text), HasSubstr("overflow"));
  EXPECT_EQ(run(state, "return 1"), "1");
}

INSTANTIATE_TEST_SUITE_P(
    Limits, DeepRecursion,
    ::testing::Values(
        Endless{"Calls", "local function f() return 1 + f() end f()"},
        Endless{"Gsub", "local function f() return (('x'):gsub('x', f)) end f()"},
        Endless{"Sort", "local function f() table.sort({3, 2, 1}, f) return true end f()"},
        Endless{"Coroutines", "local function f() return coroutine.wrap(f)() end f()"},
        Endless{"ToString",
                "local m = {} local o = setmetatable({}, m) m.__tostring = function() return "
                "string.format('%s', o) end tostring(o)"},
        Endless{"Index",
                "local m = {} m.__index = function(t, k) local v = t[k] return v end return "
                "setmetatable({}, m).a"},
        Endless{"Concat",
                "local m = {} local o = setmetatable({}, m) m.__concat = function(a, b) return a "
                ".. b end return o .. o"},
        Endless{"Less",
                "local m = {} local o = setmetatable({}, m) m.__lt = function(a, b) return a < b "
                "end return o < o"},
        Endless{"Pairs",
                "local m = {} local o = setmetatable({}, m) m.__pairs = function(t) return "
                "pairs(t) end pairs(o)"}),
    [](const auto& case_of) { return case_of.param.name; });

TEST(StateLimits, RecursionOfCatchingEnds) {
  // Each level catches the overflow of the next: it must end, in whatever way.
  State state(small_limits());
  run(state, "local function f() pcall(f) pcall(f) end f()");
  run(state, "local function f() xpcall(f, f) end f()");
  run(state, "local function f() coroutine.resume(coroutine.create(f)) end f()");
  EXPECT_EQ(run(state, "return 1"), "1");
}

TEST(StateLimits, NestedParenthesesAreASyntaxError) {
  EXPECT_THAT(run("return load(('('):rep(100000))"), HasSubstr("nil"));
}

TEST(StateLimits, ALimitIsOfOneRun) {
  State state(small_limits());
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(run(state, "local s = 0 for i = 1, 100000 do s = s + 1 end return s"), "100000");
}

TEST(StateLimits, TheHostIsNotLimited) {
  State state(small_limits());
  const std::string large(8u << 20, 'x');
  lua_pushlstring(state.main(), large.data(), large.size());
  EXPECT_EQ(lua_objlen(state.main(), -1), large.size());
  lua_pop(state.main(), 1);
}

TEST(StateLoad, NamesTheLine) {
  State state;
  const auto wrong = state.load("function f()\n  local x = = 1\nend", "source.lua");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "script load error: source.lua:2: unexpected symbol near '='");
  const auto fails = state.load("\n\nnothing.here = 1", "source.lua");
  ASSERT_FALSE(fails);
  EXPECT_EQ(fails.error().message,
            "script load error: source.lua:3: attempt to index global 'nothing' (a nil value)");
  const auto loops = State(small_limits()).load("while true do end", "source.lua");
  ASSERT_FALSE(loops);
  EXPECT_THAT(loops.error().message, HasSubstr("source.lua:1: script stopped"));
  const auto yields = state.load("coroutine.yield()", "source.lua");
  ASSERT_FALSE(yields);
  EXPECT_THAT(yields.error().message, HasSubstr("source.lua: yields outside of a function"));
  EXPECT_TRUE(state.load("function f() return 1 end", "source.lua"));
  EXPECT_EQ(run(state, "return f()"), "1");
}

TEST(StateLoad, TakesNoBytecode) {
  lua_State* const plain = luaL_newstate();
  luaL_loadstring(plain, "return 1");
  std::string code;
  lua_dump(
      plain,
      [](lua_State*, const void* piece, std::size_t size, void* out) {
        static_cast<std::string*>(out)->append(static_cast<const char*>(piece), size);
        return 0;
      },
      &code);
  lua_close(plain);
  ASSERT_EQ(code.substr(0, 3), "\x1bLJ");
  State state;
  const auto loaded = state.load(code, "code");
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("attempt to load chunk with wrong mode"));
}

TEST(StateErrors, EveryValueHasAText) {
  EXPECT_EQ(run("error('x', 0)"), "error: x");
  EXPECT_EQ(run("error('x')"), "error: test:1: x");
  EXPECT_EQ(run("error(5)"), "error: test:1: 5");
  EXPECT_EQ(run("error({})"), "error: unspecified lua error");
  EXPECT_EQ(run("error()"), "error: unspecified lua error");
}

}  // namespace
}  // namespace weir::lua
