// SPDX-License-Identifier: Apache-2.0
// Scripts that fail, misuse what they have, or keep it.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/filters/lua_harness.hpp"

namespace weir::filters {
namespace {

TEST(LuaErrors, TheStreamGoesOnWithoutTheScript) {
  for (const char* const body :
       {"local x = nil; x.y = 1", "error('x')", "error({})", "handle.nothing()", "handle:nothing()",
        "coroutine.yield()", "while true do end", "local s = 'x' while true do s = s .. s end",
        "return handle .. 'x'", "handle.x = 1", "setmetatable(handle, {})", "rawset(handle, 1, 1)",
        "handle.headers()", "handle.headers({})", "handle.headers('x')",
        "handle:headers().add(handle, 'a', 'b')", "handle.body(handle:headers())"}) {
    LuaHarness lua(
        "function envoy_on_request(handle) " + std::string(body) +
        " end function envoy_on_response(handle) handle:headers():add('x-out', '1') end");
    auto stream = lua.get();
    EXPECT_EQ(lua.errors.value(), 1u) << body;
    EXPECT_TRUE(stream->request.headers_passed) << body;
    stream->send_response({{":status", "200"}});
    EXPECT_EQ(value_of(*stream->response.headers, "x-out"), "1") << body;
  }
}

TEST(LuaErrors, AfterAWaitTheRestPassesToo) {
  LuaHarness lua("function envoy_on_request(handle) handle:body() error('x') end");
  auto stream = lua.stream();
  stream->send_request({{":method", "POST"}, {":path", "/"}}, false);
  stream->send_request_data("ab");
  stream->send_request_data("c", true);
  EXPECT_EQ(lua.errors.value(), 1u);
  EXPECT_EQ(stream->request.body, "abc");
  EXPECT_TRUE(stream->request.headers_passed && stream->request.ended);
}

TEST(LuaErrors, AScriptThatDoesNotLoadCountsEachTimeItIsLoaded) {
  LuaHarness lua("function (");
  EXPECT_TRUE(lua.get()->request.headers_passed);
  EXPECT_TRUE(lua.get()->request.headers_passed);
  EXPECT_EQ(lua.errors.value(), 1u);
}

TEST(LuaScope, HandlesEndWithTheirPhase) {
  for (const char* const use :
       {"headers", "body", "bodyChunks", "trailers", "metadata", "streamInfo", "connection",
        "connectionStreamInfo", "route", "virtualHost", "timestamp", "filterContext",
        "clearRouteCache", "respond", "httpCall", "logInfo", "base64Escape"}) {
    LuaHarness lua(
        "local saved function envoy_on_request(handle) local ok, why if saved then "
        "ok, why = pcall(saved." +
        std::string(use) +
        ", saved, 'x') end saved = saved or handle "
        "handle:headers():add('x-out', tostring(why)) end");
    lua.get();
    auto second = lua.get();
    EXPECT_EQ(value_of(*second->request.headers, "x-out"), "object used outside of proper scope")
        << use;
  }
}

TEST(LuaScope, ObjectsLiveAsLongAsTheHandle) {
  for (const char* const object :
       {"handle:headers()", "handle:metadata()", "handle:streamInfo():dynamicMetadata()",
        "handle:route():metadata()", "handle:connectionStreamInfo():dynamicMetadata()"}) {
    LuaHarness lua(
        "function envoy_on_request(handle) local object = " + std::string(object) +
        " handle:body() local ok = pcall(object.get, object, 'x') "
        "handle:headers():add('x-out', tostring(ok)) saved = object end "
        "function envoy_on_response(handle) local ok, why = pcall(saved.get, saved, 'x') "
        "handle:headers():add('x-out', why) end");
    auto stream = lua.stream();
    stream->send_request({{":method", "POST"}, {":path", "/"}}, false);
    stream->send_request_data("a", true);
    EXPECT_EQ(value_of(*stream->request.headers, "x-out"), "true") << object;
    stream->send_response({{":status", "200"}});
    EXPECT_EQ(value_of(*stream->response.headers, "x-out"), "object used outside of proper scope")
        << object;
  }
}

TEST(LuaScope, IteratorsEndToo) {
  LuaHarness lua(R"lua(
    local iterator, chunks, dynamic
    function envoy_on_request(handle)
      local out = {}
      for _, f in ipairs({iterator, chunks, dynamic}) do
        out[#out + 1] = tostring(select(2, pcall(f)))
      end
      iterator = iterator or pairs(handle:headers())
      chunks = chunks or handle:bodyChunks()
      dynamic = dynamic or pairs(handle:streamInfo():dynamicMetadata())
      handle:streamInfo():dynamicMetadata():set("ns", "out", table.concat(out, "|"))
    end)lua");
  lua.get();
  auto second = lua.get();
  EXPECT_EQ(*second->notes.find("ns", "out"),
            "object used outside of proper scope|object used outside of proper scope|object used "
            "outside of proper scope");
}

TEST(LuaScope, ChunksEndWithTheirCallback) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local first
      for chunk in handle:bodyChunks() do
        if first then
          local ok, why = pcall(first.setBytes, first, "x")
          handle:streamInfo():dynamicMetadata():set("ns", "why", why)
        end
        first = first or chunk
      end
    end)lua");
  auto stream = lua.stream();
  stream->send_request({{":method", "POST"}, {":path", "/"}}, false);
  stream->send_request_data("a");
  stream->send_request_data("b", true);
  EXPECT_EQ(*stream->notes.find("ns", "why"), "object used outside of proper scope");
  EXPECT_EQ(stream->request.body, "ab");
}

TEST(LuaScope, TwoStreamsDoNotMix) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local mine = handle:headers():get("x-id")
      handle:httpCall("auth", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, "", 1)
      handle:headers():add("x-out", mine .. handle:headers():get("x-id"))
    end)lua");
  auto first = lua.get({{"x-id", "1"}});
  auto second = lua.get({{"x-id", "2"}});
  second->finish_call(0, {true, {{":status", "200"}}, ""});
  first->finish_call(0, {true, {{":status", "200"}}, ""});
  EXPECT_EQ(value_of(*first->request.headers, "x-out"), "11");
  EXPECT_EQ(value_of(*second->request.headers, "x-out"), "22");
}

TEST(LuaCoroutines, OfTheScriptCannotWaitForTheStream) {
  for (const char* const call :
       {"handle:body()", "handle:trailers()", "handle:bodyChunks()()",
        "handle:respond({[':status'] = '403'})",
        "handle:httpCall('auth', {[':method'] = 'GET', [':path'] = '/', [':authority'] = 'a'}, '', "
        "1)"}) {
    for (const char* const around :
         {"coroutine.wrap(function() @ end)()", "(('x'):gsub('x', function() @ end))",
          "table.sort({1, 2}, function() @ end)",
          "local ok, why = coroutine.resume(coroutine.create(function() @ end)) error(why)"}) {
      std::string body = around;
      body.replace(body.find('@'), 1, call);
      LuaHarness lua("function envoy_on_request(handle) local _ = 1 " +
                     (body[0] == '(' ? "_ = " + body : body) + " end");
      auto stream = lua.stream();
      stream->send_request({{":method", "POST"}, {":path", "/"}}, false);
      EXPECT_EQ(lua.errors.value(), 1u) << body;
      EXPECT_FALSE(stream->replied);
      EXPECT_TRUE(stream->calls.empty());
      stream->send_request_data("a", true);
      EXPECT_EQ(stream->request.body, "a");
    }
  }
}

TEST(LuaCoroutines, AWaitThatWasRefusedIsForgotten) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      pcall(string.gsub, "x", "x", function() handle:body() end)
      handle:headers():add("x-out", "1")
    end)lua");
  auto stream = lua.stream();
  stream->send_request({{":method", "POST"}, {":path", "/"}}, false);
  EXPECT_TRUE(stream->request.headers_passed);
  EXPECT_EQ(value_of(*stream->request.headers, "x-out"), "1");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaCoroutines, UseTheHandleOtherwise) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local names = coroutine.wrap(function()
        for name in pairs(handle:headers()) do coroutine.yield(name) end
      end)
      local first = names()
      while names() do end
      handle:headers():add("x-out", first)
      pcall(function() handle:body() end)
      handle:headers():add("x-body", "1")
    end)lua");
  auto stream = lua.stream();
  stream->send_request({{":method", "POST"}, {":path", "/"}}, false);
  stream->send_request_data("a", true);
  EXPECT_EQ(value_of(*stream->request.headers, "x-out"), ":method");
  EXPECT_EQ(value_of(*stream->request.headers, "x-body"), "1");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaMemory, TenThousandStreamsLeaveNothingBehind) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local headers = handle:headers()
      headers:add("x-a", headers:get("user-agent") .. tostring({}))
      local kind = tonumber(headers:get("x-kind"))
      if kind == 1 then error("x") end
      if kind == 2 then handle:body() end
      if kind == 3 then
        handle:httpCall("auth", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, "", 1)
      end
      if kind == 4 then handle:respond({[":status"] = "403"}, string.rep("x", 1000)) end
    end
    function envoy_on_response(handle)
      for chunk in handle:bodyChunks() do chunk:setBytes(chunk:getBytes(0, 1)) end
    end)lua");
  std::size_t settled = 0;
  for (int i = 0; i < 10000; ++i) {
    auto stream = lua.stream();
    stream->send_request({{":method", "POST"},
                          {":path", "/"},
                          {"user-agent", std::to_string(i)},
                          {"x-kind", std::to_string(i % 6)}},
                         false);
    if (i % 3 != 0) {  // the others end while they wait
      stream->send_request_data("abc", true);
      if (!stream->calls.empty()) stream->finish_call(0, {true, {{":status", "200"}}, "x"});
      if (!stream->replied) {
        stream->send_response({{":status", "200"}}, false);
        stream->send_response_data("abc", i % 2 == 0);
      }
    }
    if (i == 2000) settled = lua.instance.used();
  }
  EXPECT_LT(lua.instance.used(), 2 * settled);
  EXPECT_LT(lua.instance.used(), 1u << 20);
}

TEST(LuaMemory, AScriptThatKeepsEverythingFailsAndTheStreamsGoOn) {
  LuaHarness lua(
      "local kept = {} function envoy_on_request(handle) kept[#kept + 1] = ('x'):rep(2^20) .. "
      "#kept "
      "handle:headers():add('x-out', '1') end");
  int without = 0;
  for (int i = 0; i < 100; ++i) {
    auto stream = lua.get();
    EXPECT_TRUE(stream->request.headers_passed);
    if (value_of(*stream->request.headers, "x-out") == "(none)") ++without;
  }
  EXPECT_GT(without, 50);
  EXPECT_EQ(lua.errors.value(), static_cast<std::uint64_t>(without));
  EXPECT_LE(lua.instance.used(), lua::Limits().memory + (1u << 20));
}

}  // namespace
}  // namespace weir::filters
