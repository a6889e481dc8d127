// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inject/json_text.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

using testing::HasSubstr;

TEST(Json, KeepsNumbersAndTexts) {
  const std::string text =
      R"({"a":1e3,"b":-0,"c":123456789012345678901234567890,"d":[true,false,null],"e":"\"\\","f":0.10})";
  const auto node = parse_json(text);
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(*write_compact_json(*node), text);
}

TEST(Json, ReadsSurrogatePairs) {
  const auto node = parse_json(R"("\ud83d\ude00\u00e9\/")");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->text, "\xf0\x9f\x98\x80\xc3\xa9/");
}

TEST(Json, IsIndentedAsKubectlDoes) {
  EXPECT_EQ(*write_json(*parse_json(R"({"a":[1,{}],"b":[]})")),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n");
}

TEST(Json, SaysWhatYamlMeansToKubernetes) {
  const auto node = parse_yaml(
      "[0655, 0x1F, 0b11, 1_000, +5, yes, Off, ~, {a: }, .5, 1., '1', !!str 2, 089, a, -017, 1e3]");
  ASSERT_TRUE(node);
  EXPECT_EQ(*write_compact_json(*node),
            R"([429,31,3,1000,5,true,false,null,{"a":null},0.5,1,"1","2",89,"a",-15,1e3])");
  EXPECT_FALSE(write_json(*parse_yaml("a: .inf")));
  EXPECT_FALSE(write_json(*parse_yaml("a: !mine b")));
}

class BadJson : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(BadJson, NamesThePlace) {
  const auto node = parse_json(GetParam().first);
  ASSERT_FALSE(node);
  EXPECT_THAT(node.error().message, HasSubstr(GetParam().second));
}

INSTANTIATE_TEST_SUITE_P(
    Texts, BadJson,
    testing::Values(
        std::pair{"{\"a\":1,\n\"a\":2}", "line 2, column 4: key 'a' is there twice"},
        std::pair{"[1,]", "'' is no value of JSON"}, std::pair{"01", "'01' is no value"},
        std::pair{"\"\\ud800\"", "half of a surrogate pair"}, std::pair{"\"\\ude00\"", "half"},
        std::pair{"\"\\x\"", "an escape"}, std::pair{"\"a", "without an end"},
        std::pair{"\"\x01\"", "a control character"}, std::pair{"\"\xff\"", "not UTF-8"},
        std::pair{"{} x", "after the end"}, std::pair{"{a:1}", "expected a key in quotes"},
        std::pair{"", "where a value is expected"}, std::pair{"1.", "no value"},
        std::pair{"[1 2]", "expected ',' or ']'"}));

}  // namespace
}  // namespace weir::inject
