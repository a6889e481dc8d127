// SPDX-License-Identifier: Apache-2.0
// What scripts can do with a stream.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/filters/lua_harness.hpp"

namespace weir::filters {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(LuaHeaders, AddsReplacesRemovesAndReads) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local headers = handle:headers()
      headers:add("X-Dup", "b")
      headers:add("x-joined", headers:get("X-DUP"))
      headers:add("x-count", headers:getNumValues("x-dup"))
      headers:add("x-second", headers:getAtIndex("x-dup", 1))
      headers:add("x-third", tostring(headers:getAtIndex("x-dup", 2)))
      headers:add("x-none", tostring(headers:get("nothing")))
      headers:replace("User-Agent", "changed")
      headers:remove("x-secret")
      headers:add(5, 6)
    end)lua");
  auto stream = lua.get({{"x-dup", "a"}, {"user-agent", "t"}, {"x-secret", "s"}});
  EXPECT_TRUE(stream->request.headers_passed);
  EXPECT_EQ(lua.errors.value(), 0u);
  EXPECT_EQ(lua.executions.value(), 1u);
  EXPECT_THAT(header_pairs(*stream->request.headers),
              ElementsAre(Pair(":method", "GET"), Pair(":scheme", "http"),
                          Pair(":authority", "www.example.com"), Pair(":path", "/"),
                          Pair("x-dup", "a"), Pair("user-agent", "changed"), Pair("x-dup", "b"),
                          Pair("x-joined", "a,b"), Pair("x-count", "2"), Pair("x-second", "b"),
                          Pair("x-third", "nil"), Pair("x-none", "nil"), Pair("5", "6")));
}

}  // namespace
}  // namespace weir::filters
