// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"

#include <utility>

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string json(std::string_view value) {
  std::string out;
  append_escaped_json(value, out);
  return out;
}

TEST(EscapeJson, AsciiStaysAndSpecialsAreEscaped) {
  EXPECT_EQ(json("a.example.com"), "a.example.com");
  EXPECT_EQ(json("\"\\/"), "\\\"\\\\/");
  EXPECT_EQ(json(std::string_view("\0\n\x1f\x7f", 4)), "\\u0000\\u000a\\u001f\\u007f");
}

TEST(EscapeJson, GoodUtf8Stays) {
  for (const std::string_view good :
       {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(json(good), good);
}

TEST(EscapeJson, BadUtf8BecomesTheReplacementCharacter) {
  const std::pair<std::string_view, int> bad[] = {
      {"\x80", 1},              // continuation alone
      {"\xc0\x80", 2},          // overlong NUL
      {"\xc1\xbf", 2},          // overlong
      {"\xc2", 1},              // cut short
      {"\xe0\x9f\xbf", 3},      // overlong
      {"\xed\xa0\x80", 3},      // surrogate
      {"\xe2\x82", 2},          // cut short
      {"\xf0\x8f\xbf\xbf", 4},  // overlong
      {"\xf4\x90\x80\x80", 4},  // past U+10FFFF
      {"\xf5\x80\x80\x80", 4},
      {"\xff", 1},
  };
  for (const auto& [value, count] : bad) {
    std::string expected;
    for (int i = 0; i < count; ++i) expected += "\\ufffd";
    EXPECT_EQ(json(value), expected);
    EXPECT_EQ(json(std::string(value) + "a"), expected + "a");
  }
}

TEST(JsonWriter, Nests) {
  JsonWriter writer;
  writer.begin_object().key("a\"b").string("x\ny").key("n").number(-3).key("t").boolean(true);
  writer.key("empty").begin_object().end_object().key("list").begin_array();
  writer.number(1u).begin_array().end_array().begin_object().key("k").string("").end_object();
  writer.end_array().end_object();
  EXPECT_EQ(writer.take(), R"({
 "a\"b": "x\u000ay",
 "n": -3,
 "t": true,
 "empty": {},
 "list": [
  1,
  [],
  {
   "k": ""
  }
 ]
}
)");
}

}  // namespace
}  // namespace weir
