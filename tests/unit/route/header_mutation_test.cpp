// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/header_mutation.hpp"

#include <gtest/gtest.h>

#include "proxy/access_log/format.hpp"
#include "proxy/access_log/record.hpp"
#include "tests/unit/route/request.hpp"

namespace weir::route {
namespace {

using Action = HeaderAddition::Action;
using testing::Lines;
using testing::Message;

HeaderAddition add(std::string name, std::string value, Action action = Action::append,
                   bool keep_empty = false) {
  return {std::move(name), std::move(value), nullptr, action, keep_empty};
}

HeaderAddition formatted(std::string name, std::string_view format, bool keep_empty = false) {
  return {std::move(name), "",
          std::make_shared<const access_log::Format>(*access_log::Format::header(format)),
          Action::append, keep_empty};
}

std::string apply(const HeaderMutations& mutations, const Lines& headers,
                  const access_log::Record* record = nullptr) {
  Message message(headers);
  mutations.apply(message.headers, record);
  return message.text();
}

TEST(HeaderMutations, Actions) {
  const Lines there{{"a", "1"}, {"b", "2"}};
  EXPECT_EQ(apply({{}, {add("a", "x")}}, there), "a: 1\nb: 2\na: x\n");
  EXPECT_EQ(apply({{}, {add("c", "x")}}, there), "a: 1\nb: 2\nc: x\n");
  EXPECT_EQ(apply({{}, {add("a", "x", Action::add_if_absent)}}, there), "a: 1\nb: 2\n");
  EXPECT_EQ(apply({{}, {add("c", "x", Action::add_if_absent)}}, there), "a: 1\nb: 2\nc: x\n");
  EXPECT_EQ(apply({{}, {add("a", "x", Action::overwrite)}}, there), "b: 2\na: x\n");
  EXPECT_EQ(apply({{}, {add("c", "x", Action::overwrite)}}, there), "a: 1\nb: 2\nc: x\n");
  EXPECT_EQ(apply({{}, {add("a", "x", Action::overwrite_if_present)}}, there), "b: 2\na: x\n");
  EXPECT_EQ(apply({{}, {add("c", "x", Action::overwrite_if_present)}}, there), "a: 1\nb: 2\n");
}

TEST(HeaderMutations, OverwritingReplacesAllValues) {
  EXPECT_EQ(apply({{}, {add("a", "x", Action::overwrite)}}, {{"a", "1"}, {"b", "2"}, {"a", "3"}}),
            "b: 2\na: x\n");
}

TEST(HeaderMutations, RemovalsComeFirst) {
  EXPECT_EQ(apply({{"a", "missing"}, {add("a", "x", Action::add_if_absent)}},
                  {{"a", "1"}, {"a", "2"}, {"b", "3"}}),
            "b: 3\na: x\n");
}

TEST(HeaderMutations, OverwritesComeBeforeAdditions) {
  EXPECT_EQ(apply({{}, {add("a", "x"), add("a", "y", Action::overwrite)}}, {{"a", "1"}}),
            "a: y\na: x\n");
}

TEST(HeaderMutations, ConditionsAreThoseFromBefore) {
  const HeaderMutations twice{
      {}, {add("a", "x", Action::add_if_absent), add("a", "y", Action::add_if_absent)}};
  EXPECT_EQ(apply(twice, {}), "a: x\na: y\n");
}

TEST(HeaderMutations, EmptyValues) {
  EXPECT_EQ(apply({{}, {add("a", "")}}, {}), "");
  EXPECT_EQ(apply({{}, {add("a", "", Action::append, true)}}, {}), "a: \n");
  EXPECT_EQ(apply({{}, {add("a", "", Action::overwrite)}}, {{"a", "1"}}), "a: 1\n");
  EXPECT_EQ(apply({{}, {add("a", "", Action::overwrite, true)}}, {{"a", "1"}}), "a: \n");
}

TEST(HeaderMutations, PseudoHeadersAreNeverThereTwice) {
  EXPECT_EQ(apply({{}, {add(":path", "/new"), add(":authority", "b")}},
                  {{":path", "/old"}, {":authority", "a"}}),
            ":path: /new\n:authority: b\n");
}

TEST(HeaderMutations, FormatsReadTheRecord) {
  access_log::Record record;
  record.requested_server_name = "a \"name\"";
  record.route_name = "bad\r\nname\x7f";
  const HeaderMutations mutations{
      {},
      {formatted("sni", "<%REQUESTED_SERVER_NAME%>"), formatted("route", "%ROUTE_NAME%"),
       formatted("unset", "%UPSTREAM_CLUSTER%"), formatted("kept", "%UPSTREAM_CLUSTER%", true),
       formatted("percent", "100%%")}};
  EXPECT_TRUE(mutations.needs_record());
  EXPECT_EQ(apply(mutations, {}, &record),
            "sni: <a \"name\">\nroute: badname\nkept: \npercent: 100%\n");
  EXPECT_EQ(apply(mutations, {}), "kept: \n");
}

TEST(HeaderMutations, Emptiness) {
  EXPECT_TRUE(HeaderMutations{}.empty());
  EXPECT_FALSE((HeaderMutations{{"a"}, {}}).empty());
  const HeaderMutations literal{{}, {add("a", "b")}};
  EXPECT_FALSE(literal.empty());
  EXPECT_FALSE(literal.needs_record());
}

}  // namespace
}  // namespace weir::route
