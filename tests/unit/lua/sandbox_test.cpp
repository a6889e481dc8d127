// SPDX-License-Identifier: Apache-2.0
// What a script finds, and what it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/run_script.hpp"

namespace weir::lua {
namespace {

using ::testing::HasSubstr;

TEST(Sandbox, HasOnlyWhatIsListed) {
  EXPECT_EQ(run(R"(
    local names = {}
    for name in pairs(_G) do names[#names + 1] = name end
    table.sort(names)
    return table.concat(names, ' '))"),
            "EnvoyTimestampResolution _G _VERSION assert bit collectgarbage coroutine error "
            "getfenv getmetatable ipairs load loadstring math next pairs pcall print rawequal "
            "rawget rawset select setfenv setmetatable string table tonumber tostring type unpack "
            "xpcall");
}

class Absent : public ::testing::TestWithParam<const char*> {};
TEST_P(Absent, IsNil) { EXPECT_EQ(run(std::string("return type(") + GetParam() + ")"), "nil"); }
INSTANTIATE_TEST_SUITE_P(Sandbox, Absent,
                         ::testing::Values("os", "io", "debug", "package", "require", "dofile",
                                           "loadfile", "ffi", "jit", "module", "newproxy", "gcinfo",
                                           "string.dump", "_G.os", "_G._LOADED"));

TEST(Sandbox, NoMetatableLeadsOut) {
  EXPECT_EQ(run("return getmetatable('').__index == string"), "true");
  EXPECT_EQ(run("return type(getmetatable('').__index.dump)"), "nil");
  EXPECT_EQ(run("return type(getmetatable(_G))"), "nil");
  EXPECT_EQ(run("local all = {} for _, f in ipairs({pcall, load, print, pairs, string.gsub, "
                "coroutine.wrap, coroutine.resume, table.sort}) do "
                "local e = getfenv(f) all[#all + 1] = tostring(e == _G) "
                "if e.os or e.io or e.debug or e.require then error('leads out') end end "
                "return #all"),
            "8");
}

TEST(Sandbox, CatchesErrorsAsUsual) {
  EXPECT_EQ(run("return pcall(error, 'x')"), "false x");
  EXPECT_EQ(run("return pcall(function(...) return ... end, 1, 2)"), "true 1 2");
  EXPECT_EQ(run("return xpcall(function() error('x', 0) end, function(e) return e .. '!' end)"),
            "false x!");
  EXPECT_EQ(run("return xpcall(function(a, b) return a + b end, print, 1, 2)"), "true 3");
  EXPECT_EQ(run("return pcall()"), "error: prelude:6: bad argument #1 to 'pcall' (value expected)");
}

TEST(Sandbox, YieldsThroughPcall) {
  EXPECT_EQ(run(R"(
    local co = coroutine.wrap(function()
      local ok, got = pcall(function() return coroutine.yield(1) + 1 end)
      return tostring(ok) .. got
    end)
    return co(), co(41))"),
            "1 true42");
}

TEST(Sandbox, RunsCoroutines) {
  EXPECT_EQ(run("local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) return b "
                "end) local _, x = coroutine.resume(co, 1) local _, y = coroutine.resume(co, 7) "
                "return x, y, coroutine.status(co)"),
            "2 7 dead");
  // The coroutine that the host runs is not the script's.
  EXPECT_EQ(run("return type(coroutine.running())"), "nil");
  EXPECT_EQ(run("return coroutine.wrap(function() return type(coroutine.running()) end)()"),
            "thread");
  EXPECT_EQ(run("coroutine.yield()"), "yielded");
}

TEST(Sandbox, LoadsText) {
  EXPECT_EQ(run("return load('return 1 + 1')()"), "2");
  EXPECT_EQ(run("return loadstring('return ...')(5)"), "5");
  EXPECT_EQ(run("local parts = {'return ', '4', '2'} local i = 0 "
                "return load(function() i = i + 1 return parts[i] end)()"),
            "42");
  EXPECT_EQ(run("return load('return x', 'name', 't', {x = 3})()"), "3");
  EXPECT_EQ(run("return load('=', 'name')"), "nil [string \"name\"]:1: unexpected symbol near '='");
  EXPECT_EQ(run("return load('return 1', 'name', 'b')"),
            "nil attempt to load chunk with wrong mode");
  EXPECT_THAT(run("return load('\\27LJ\\2')"), HasSubstr("wrong mode"));
}

TEST(Sandbox, PairsAsksTheMetatable) {
  EXPECT_EQ(run("local n = 0 for k, v in pairs({10, 20, x = 30}) do n = n + v end return n"), "60");
  EXPECT_EQ(run("local t = setmetatable({}, {__pairs = function() local i = 0 return function() i "
                "= i + 1 if i < 3 then return i, i end end end}) local n = 0 for k, v in pairs(t) "
                "do n = n + v end return n"),
            "3");
  EXPECT_THAT(run("return pairs(nil)"), HasSubstr("table expected, got nil"));
}

TEST(Sandbox, CollectgarbageOnlyCounts) {
  EXPECT_EQ(run("return collectgarbage('count') > 10"), "true");
  EXPECT_EQ(run("return collectgarbage(), collectgarbage('stop'), collectgarbage('setpause', 1)"),
            "0 0 0");
}

TEST(Sandbox, StatesShareNothing) {
  State first;
  State second;
  EXPECT_EQ(run(first, "x = 1 string.mine = 1 return x"), "1");
  EXPECT_EQ(run(second, "return type(x), type(string.mine)"), "nil nil");
}

}  // namespace
}  // namespace weir::lua
