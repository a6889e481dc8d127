// SPDX-License-Identifier: Apache-2.0
#include "inject/edit.hpp"

#include <gtest/gtest.h>

#include "inject/json_text.hpp"

namespace weir::inject {
namespace {

std::string edited(std::string_view document, std::vector<Edit> edits) {
  Node node = *parse_json(document);
  const auto done = inject::apply(edits, node);
  return done ? *write_compact_json(node) : done.error().message;
}

TEST(Edit, DoesWhatRfc6902Says) {
  using enum Edit::Kind;
  EXPECT_EQ(edited(R"({"a":[1,3]})", {{add, "/a/1", Node::plain("2")}}), R"({"a":[1,2,3]})");
  EXPECT_EQ(edited(R"({"a":[1]})", {{add, "/a/-", Node::plain("2")}}), R"({"a":[1,2]})");
  EXPECT_EQ(edited(R"({"a":null})", {{add, "/a", Node::map()}}), R"({"a":{}})");
  EXPECT_EQ(edited(R"({"a/b":{"c~d":1}})", {{replace, "/a~1b/c~0d", Node::plain("2")}}),
            R"({"a/b":{"c~d":2}})");
  EXPECT_EQ(edited(R"({"a":1,"b":[1,2]})", {{remove, "/a", {}}, {remove, "/b/0", {}}}),
            R"({"b":[2]})");
}

TEST(Edit, SaysWhatDoesNotFit) {
  using enum Edit::Kind;
  EXPECT_EQ(edited("{}", {{remove, "/a", {}}}), "edit of '/a': not there");
  EXPECT_EQ(edited("{}", {{add, "/a/b", {}}}), "edit of '/a/b': its parent is not there");
  EXPECT_EQ(edited("[]", {{add, "/1", {}}}), "edit of '/1': no such place in the list");
  EXPECT_EQ(edited(R"({"a":1})", {{add, "/a/b", {}}}),
            "edit of '/a/b': its parent is neither a map nor a list");
}

TEST(Edit, IsPrintedAsAPatch) {
  using enum Edit::Kind;
  EXPECT_EQ(pointer_part("weir.io/a~b"), "/weir.io~1a~0b");
  EXPECT_EQ(*to_json_patch({{add, "/a", Node::string("0655")}, {remove, "/b", {}}}, "/spec"),
            R"([{"op":"add","path":"/spec/a","value":"0655"},{"op":"remove","path":"/spec/b"}])");
}

}  // namespace
}  // namespace weir::inject
