// SPDX-License-Identifier: Apache-2.0
#include "inject/document.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inject/json_text.hpp"
#include "inject/yaml_text.hpp"

namespace weir::inject {
namespace {

using testing::HasSubstr;

class RoundTrip : public testing::TestWithParam<const char*> {};

TEST_P(RoundTrip, SaysTheSame) {
  const auto node = parse_yaml(GetParam());
  ASSERT_TRUE(node) << node.error().message;
  const auto text = write_yaml(*node);
  ASSERT_TRUE(text) << text.error().message;
  const auto again = parse_yaml(*text);
  ASSERT_TRUE(again);
  EXPECT_TRUE(same_meaning(*node, *again)) << *text;
  EXPECT_EQ(*write_yaml(*again), *text);
}

INSTANTIATE_TEST_SUITE_P(
    Documents, RoundTrip,
    testing::Values("mode: 0655", "a: \"yes\"\nb: yes\nc: 'no'",
                    "n: 1e3\nbig: 123456789012345678901234567890",
                    "a: |\n  x\n   y\n\nb: |-\n  x\nc: |+\n  x\n\n\nd: >\n  f\n  g\n\n  h\n",
                    "a: |2\n    deep\n  x\n", "a: &x {b: 1}\nc: *x\nd:\n  <<: *x\n",
                    "a: !!str 1\nb: !mine {c: d}\ne: !!binary YQ==",
                    "a:\nb: ~\nc: null\nd: ''\ne: \"\"", "{a: , b: [c, ~]}", "? {a: b}\n: [c]\n",
                    "- - a\n  - b\n- {}\n- []", "a: \"\\u00e9 \\U0001F600 \\0 \\t \\r\\n \\x7f\"",
                    "a: 'it''s'\nb: \"q\\\"q\"", "\"<<\": 1\n<<: {a: 1}", "a: x\n  y\n\n  z",
                    "!!map {a: b}", "plain", "'quoted'", "a: \xe6\x97\xa5\xe6\x9c\xac",
                    "a: \" lead\"\nb: \"trail \"\nc: \"#no\"\nd: \"x: y\"\ne: \"- z\"",
                    "a: \"line\\n\\n  two \\n\""));

TEST(Document, KeepsTheBytesOfEachOne) {
  const std::string text =
      "# a\n---\na: 1 # one\n---\n# only a comment\n---\nb: |\n  --- x\n...\n# c\n---\nc: 3";
  const auto file = parse_file(text);
  ASSERT_TRUE(file);
  std::string all;
  for (const Document& document : file->documents) all += document.text;
  EXPECT_EQ(all, text);
  ASSERT_EQ(file->documents.size(), 4u);
  EXPECT_EQ(file->documents[2].root.find("b")->text, "--- x\n");
}

TEST(Document, WritesWhatStoodBeforeTheContent) {
  const std::string text = "# head\r\n---\r\na: 1 # lost\r\n...\r\n";
  const auto file = parse_file(text);
  ASSERT_TRUE(file);
  EXPECT_EQ(*write_document(file->documents[0], file->documents[0].root, false),
            "# head\r\n---\r\na: 1\r\n...\r\n");
}

TEST(Document, TheContentMayStandBesideTheMarker) {
  const auto file = parse_file("--- {a: 1}\n");
  ASSERT_TRUE(file);
  EXPECT_EQ(*write_document(file->documents[0], file->documents[0].root, false), "---\n{a: 1}\n");
}

struct Bad {
  std::string text;
  const char* reason;
};
class BadDocument : public testing::TestWithParam<Bad> {};

TEST_P(BadDocument, NamesThePlace) {
  const auto file = parse_file(GetParam().text);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    Documents, BadDocument,
    testing::Values(Bad{"a: 1\na: 2", "line 2, column 1: key 'a' is there twice"},
                    Bad{"x: 1\n---\ny: *z",
                        "line 3, column 4: alias 'z': no such anchor before it"},
                    Bad{"x: 1\n---\ny: [", "line 4"}, Bad{"a: &a [*a]", "alias 'a'"},
                    Bad{std::string(300, '['), "too many values in each other"},
                    Bad{"a: \xff", "not UTF-8"},
                    Bad{std::string((16u << 20) + 1, ' '), "more than 16 MB"}));

TEST(Aliases, StandForTheirValueAndMergeKeysForTheirMap) {
  const auto node = parse_yaml(
      "a: &x {b: 1, c: 2}\nd: *x\ne: {<<: *x, b: 3}\nf: {<<: [{b: 4}, *x]}\ng: {'<<': 1}");
  ASSERT_TRUE(node);
  EXPECT_EQ(
      *write_compact_json(*without_aliases(*node)),
      R"({"a":{"b":1,"c":2},"d":{"b":1,"c":2},"e":{"b":3,"c":2},"f":{"b":4,"c":2},"g":{"<<":1}})");
}

TEST(Aliases, ABombIsRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) text += before + ", ";
    text += "]\n";
  }
  const auto node = parse_yaml(text);
  ASSERT_TRUE(node) << node.error().message;
  const auto expanded = without_aliases(*node);
  ASSERT_FALSE(expanded);
  EXPECT_THAT(expanded.error().message, HasSubstr("its aliases stand for too many values"));
}

}  // namespace
}  // namespace weir::inject
