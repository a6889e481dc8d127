// SPDX-License-Identifier: Apache-2.0
// Lua values as JSON, there and back.
#include "proxy/lua/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/lua/run_script.hpp"

namespace weir::lua {
namespace {

using ::testing::HasSubstr;

int to_json(lua_State* L) {
  std::string out;
  append_json(L, 1, out);
  lua_pushlstring(L, out.data(), out.size());
  return 1;
}
int from_json(lua_State* L) {
  std::size_t length = 0;
  const char* const text = luaL_checklstring(L, 1, &length);
  push_json(L, {text, length});
  return 1;
}

class Json : public ::testing::Test {
 protected:
  Json() {
    lua_pushcfunction(state_.main(), to_json);
    lua_setglobal(state_.main(), "to_json");
    lua_pushcfunction(state_.main(), from_json);
    lua_setglobal(state_.main(), "from_json");
  }
  std::string json(const std::string& value) {
    return run(state_, "return to_json(" + value + ")");
  }
  std::string lua(const std::string& text) {
    return run(state_, "return from_json([=[" + text + "]=])");
  }

  State state_;
};

TEST_F(Json, Writes) {
  EXPECT_EQ(json("nil"), "null");
  EXPECT_EQ(json("true"), "true");
  EXPECT_EQ(json("3"), "3");
  EXPECT_EQ(json("-1.5"), "-1.5");
  EXPECT_EQ(json("1e300 * 1e300"), "null");
  EXPECT_EQ(json("'a\"b\\n'"), R"("a\"b\u000a")");
  EXPECT_EQ(json("{}"), "{}");
  EXPECT_EQ(json("{1, 'x', {true}}"), R"([1,"x",[true]])");
  EXPECT_EQ(json("{a = {b = 1}}"), R"({"a":{"b":1}})");
  EXPECT_EQ(json("{[5] = 1}"), R"({"5":1})");
}

TEST_F(Json, RefusesWhatHasNoForm) {
  EXPECT_THAT(json("print"), HasSubstr("unexpected type 'function'"));
  EXPECT_THAT(json("{[true] = 1}"), HasSubstr("unexpected type 'boolean' as a key"));
  EXPECT_THAT(json("(function() local t = {} t.t = t return t end)()"),
              HasSubstr("nested more than 32 deep"));
}

TEST_F(Json, Reads) {
  EXPECT_EQ(lua("null"), "nil");
  EXPECT_EQ(lua(" true "), "true");
  EXPECT_EQ(lua("-12.5e1"), "-125");
  EXPECT_EQ(lua(R"("a\"\\\/\b\f\n\r\tA")"), "a\"\\/\b\f\n\r\tA");
  EXPECT_EQ(lua(R"("\u00e9\u20ac\ud83d\ude00")"), "é€😀");
  EXPECT_EQ(run(state_, R"(local t = from_json('{"a":[1,{"b":"x"}],"c":null}')
                           return t.a[1], t.a[2].b, type(t.c))"),
            "1 x nil");
  EXPECT_EQ(run(state_, "return to_json(from_json('[1,[],{}]'))"), "[1,{},{}]");
}

TEST_F(Json, WhatIsNotJsonIsNil) {
  for (const char* const text :
       {"",         "x",        "{",       "[1",        "[1,]",        R"({"a"})", R"({"a":})",
        R"({1:2})", R"("open)", R"("\q")", R"("\u12")", R"("\ud800")", "1 2",      "nul",
        "-",        "+1",       ".5",      "nan",       "inf",         "[1}"})
    EXPECT_EQ(lua(text), "nil") << text;
  EXPECT_EQ(lua(std::string(100, '[') + std::string(100, ']')), "nil");
}

}  // namespace
}  // namespace weir::lua
