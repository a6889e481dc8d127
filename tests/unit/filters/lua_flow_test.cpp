// SPDX-License-Identifier: Apache-2.0
// Scripts that wait: for a body, its pieces, trailers and calls; and scripts that answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/filters/lua_harness.hpp"

namespace weir::filters {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

HeaderPairs post(const HeaderPairs& more = {}) {
  HeaderPairs pairs{{":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}};
  pairs.insert(pairs.end(), more.begin(), more.end());
  return pairs;
}
std::string out_of(const FakeDirection& way) { return value_of(*way.headers, "x-out"); }

CallResponse response(HeaderPairs headers, std::string body = {}) {
  return {true, std::move(headers), std::move(body)};
}

TEST(LuaBody, IsWholeAndCanBeReplaced) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local body = handle:body()
      local out = body:length() .. body:getBytes(0, 5) .. "|" .. body:getBytes(6, 5)
      out = out .. "|" .. body:setBytes("changed body") .. "|" .. handle:body():length()
      handle:headers():add("x-out", out .. tostring(handle:trailers()))
    end)lua");
  auto stream = lua.stream();
  stream->send_request(post({{"content-length", "11"}}), false);
  stream->send_request_data("hello ");
  EXPECT_FALSE(stream->request.headers_passed);
  stream->send_request_data("world", true);
  EXPECT_EQ(lua.errors.value(), 0u);
  EXPECT_EQ(out_of(stream->request), "11hello|world|12|12nil");
  EXPECT_EQ(value_of(*stream->request.headers, "content-length"), "12");
  EXPECT_EQ(stream->request.body, "changed body");
  EXPECT_TRUE(stream->request.headers_passed && stream->request.ended);
}

TEST(LuaBody, OfTheResponse) {
  LuaHarness lua("function envoy_on_response(handle) handle:body():setBytes('new') end");
  auto stream = lua.get();
  stream->send_response({{":status", "200"}, {"content-length", "5"}}, false);
  stream->send_response_data("older", true);
  EXPECT_EQ(stream->response.body, "new");
  EXPECT_EQ(value_of(*stream->response.headers, "content-length"), "3");
}

TEST(LuaBody, WithoutOne) {
  const std::string_view script =
      "function envoy_on_request(handle) handle:headers():add('x-out', tostring(handle:body())) "
      "end";
  LuaHarness lua(script);
  EXPECT_EQ(out_of(lua.get()->request), "nil");
  auto stream = lua.stream();  // chunked, and empty
  stream->send_request(post(), false);
  stream->send_request_data("", true);
  EXPECT_EQ(out_of(stream->request), "nil");
}

TEST(LuaBody, AlwaysWrappedCanBeAdded) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local body = handle:body(true)
      handle:headers():add("x-out", body:length())
      body:setBytes("added")
    end)lua");
  auto stream = lua.get();
  EXPECT_EQ(out_of(stream->request), "0");
  EXPECT_EQ(stream->request.body, "added");
  EXPECT_EQ(value_of(*stream->request.headers, "content-length"), "5");
  EXPECT_TRUE(stream->request.headers_passed && stream->request.ended);
}

TEST(LuaBody, RangesAreChecked) {
  for (const char* const call : {"getBytes(6, 6)", "getBytes(-1, 1)", "getBytes(0, -1)",
                                 "getBytes(12, 0)", "getBytes(2^53, 1)", "getBytes(0, 2^53)",
                                 "getBytes(0)", "getBytes()", "setBytes()", "setBytes({})"}) {
    LuaHarness lua("function envoy_on_request(handle) handle:body():" + std::string(call) + " end");
    auto stream = lua.stream();
    stream->send_request(post(), false);
    stream->send_request_data("hello world", true);
    EXPECT_EQ(lua.errors.value(), 1u) << call;
    EXPECT_EQ(stream->request.body, "hello world");
    EXPECT_TRUE(stream->request.headers_passed);
  }
}

TEST(LuaBody, WithTrailers) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local length = handle:body():length()
      local trailers = handle:trailers()
      handle:headers():add("x-out", length .. trailers:get("x-sum"))
      trailers:add("x-more", "1")
      trailers:remove("x-sum")
    end)lua");
  auto stream = lua.stream();
  stream->send_request(post(), false);
  stream->send_request_data("abc");
  stream->send_request_trailers({{"x-sum", "7"}});
  EXPECT_EQ(lua.errors.value(), 0u);
  EXPECT_EQ(out_of(stream->request), "37");
  EXPECT_TRUE(stream->request.trailers_passed);
  EXPECT_THAT(header_pairs(*stream->request.trailers), ElementsAre(Pair("x-more", "1")));
}

TEST(LuaChunks, ComeOneByOneAndPassOn) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local count = 0
      for chunk in handle:bodyChunks() do
        count = count + 1
        chunk:setBytes(count .. ":" .. chunk:getBytes(0, chunk:length()))
      end
      handle:streamInfo():dynamicMetadata():set("ns", "chunks", count)
    end)lua");
  auto stream = lua.stream();
  stream->send_request(post(), false);
  EXPECT_TRUE(stream->request.headers_passed);
  stream->send_request_data("a");
  EXPECT_EQ(stream->request.body, "1:a");
  stream->send_request_data("b");
  stream->send_request_data("c", true);
  EXPECT_THAT(stream->request.pieces, ElementsAre("1:a", "2:b", "3:c"));
  EXPECT_EQ(*stream->notes.find("ns", "chunks"), "3");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaChunks, TheLastOneLivesUntilTheEndOfItsCallback) {
  LuaHarness lua(R"lua(
    function envoy_on_response(handle)
      handle:headers():remove("content-length")
      local last
      for chunk in handle:bodyChunks() do
        chunk:setBytes("")
        last = chunk
      end
      last:setBytes("replaced")
    end)lua");
  auto stream = lua.get();
  stream->send_response({{":status", "404"}, {"content-length", "4"}}, false);
  stream->send_response_data("ab");
  stream->send_response_data("cd", true);
  EXPECT_EQ(stream->response.body, "replaced");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaChunks, EndWithTrailers) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local count = 0
      for chunk in handle:bodyChunks() do count = count + 1 end
      handle:trailers():add("x-count", count)
    end)lua");
  auto stream = lua.stream();
  stream->send_request(post(), false);
  stream->send_request_data("a");
  stream->send_request_data("b");
  stream->send_request_trailers({{"x", "1"}});
  EXPECT_THAT(header_pairs(*stream->request.trailers),
              ElementsAre(Pair("x", "1"), Pair("x-count", "2")));
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaTrailers, AreWaitedFor) {
  LuaHarness lua(
      "function envoy_on_response(handle) local t = handle:trailers() "
      "if t then t:add('x-seen', '1') end end");
  auto with = lua.get();
  with->send_response({{":status", "200"}}, false);
  EXPECT_TRUE(with->response.headers_passed);
  with->send_response_data("abc");
  EXPECT_EQ(with->response.body, "abc");
  with->send_response_trailers({{"grpc-status", "0"}});
  EXPECT_EQ(value_of(*with->response.trailers, "x-seen"), "1");
  auto without = lua.get();
  without->send_response({{":status", "200"}}, false);
  without->send_response_data("abc", true);
  EXPECT_TRUE(without->response.ended);
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaOrder, OfBodyAndPiecesIsEnvoys) {
  for (const char* const body :
       {"for c in handle:bodyChunks() do handle:body() end",
        "for c in handle:bodyChunks() do end handle:body()", "handle:body() handle:bodyChunks()",
        "for c in handle:bodyChunks() do handle:headers():add('a', 'b') end",
        "for c in handle:bodyChunks() do handle:respond({[':status'] = '403'}) end",
        "handle:trailers() handle:body()"}) {
    LuaHarness lua("function envoy_on_request(handle) " + std::string(body) + " end");
    auto stream = lua.stream();
    stream->send_request(post(), false);
    stream->send_request_data("a");
    stream->send_request_data("b", true);
    EXPECT_EQ(lua.errors.value(), 1u) << body;
    EXPECT_EQ(stream->request.body, "ab") << body;
    EXPECT_TRUE(stream->request.ended) << body;
  }
}

TEST(LuaRespond, AnswersAndEndsTheScript) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      handle:respond({[":status"] = "403", ["X-Why"] = "policy", ["x-list"] = {"p", "q"},
                      ["content-length"] = "1"}, "nope")
      handle:streamInfo():dynamicMetadata():set("ns", "after", "1")
    end
    function envoy_on_response(handle) handle:headers():add("x-response", "ran") end)lua");
  auto stream = lua.get();
  ASSERT_TRUE(stream->replied);
  EXPECT_EQ(stream->replied->status, 403);
  EXPECT_EQ(stream->replied->body, "nope");
  EXPECT_EQ(stream->replied->details, "lua_response");
  auto headers = stream->replied->headers;
  std::sort(headers.begin(), headers.end());
  EXPECT_THAT(headers,
              ElementsAre(Pair("x-list", "p"), Pair("x-list", "q"), Pair("x-why", "policy")));
  EXPECT_EQ(value_of(*stream->response.headers, "x-response"), "ran");
  EXPECT_EQ(stream->notes.find("ns", "after"), nullptr);
  EXPECT_EQ(lua.errors.value(), 0u);
  EXPECT_EQ(lua.executions.value(), 2u);
}

TEST(LuaRespond, AfterABody) {
  LuaHarness lua(
      "function envoy_on_request(handle) handle:body() handle:respond({[':status'] = 413}) end");
  auto stream = lua.stream();
  stream->send_request(post(), false);
  stream->send_request_data("abc", true);
  ASSERT_TRUE(stream->replied);
  EXPECT_EQ(stream->replied->status, 413);
  EXPECT_FALSE(stream->request.headers_passed);
}

TEST(LuaRespond, RefusesWhatIsNoAnswer) {
  for (const char* const call :
       {"respond({[':status'] = '100'}, 'x')", "respond({[':status'] = '600'})",
        "respond({[':status'] = 'x'})", "respond({}, 'x')", "respond()", "respond('x')",
        "respond({[':status'] = '403', ['x'] = 'a\\r\\nb'})",
        "respond({[':status'] = '403', ['x y'] = 'a'})",
        "respond({[':status'] = '403', [1] = 'a'})", "respond({[':status'] = '403', x = print})",
        "respond({[':status'] = '403'}, {})"}) {
    LuaHarness lua("function envoy_on_request(handle) handle:" + std::string(call) + " end");
    auto stream = lua.get();
    EXPECT_FALSE(stream->replied) << call;
    EXPECT_EQ(lua.errors.value(), 1u) << call;
    EXPECT_TRUE(stream->request.headers_passed);
  }
  LuaHarness lua("function envoy_on_response(handle) handle:respond({[':status'] = '503'}) end");
  auto stream = lua.get();
  stream->send_response({{":status", "200"}});
  EXPECT_EQ(lua.errors.value(), 1u);
  EXPECT_TRUE(stream->response.headers_passed);
}

constexpr std::string_view kCall = R"lua(
  function envoy_on_request(handle)
    local headers, body = handle:httpCall("auth",
      {[":method"] = "POST", [":path"] = "/check", [":authority"] = "auth", ["X-Two"] = {"1", "2"}},
      "question", 5000)
    handle:headers():add("x-out", headers[":status"] .. headers["x-user"] .. tostring(body))
  end)lua";

TEST(LuaCall, WaitsForTheAnswer) {
  LuaHarness lua(kCall);
  auto stream = lua.get();
  ASSERT_EQ(stream->calls.size(), 1u);
  EXPECT_FALSE(stream->request.headers_passed);
  const CallRequest& call = stream->calls[0]->request;
  EXPECT_EQ(call.cluster, "auth");
  EXPECT_EQ(call.body, "question");
  EXPECT_EQ(call.timeout, std::chrono::milliseconds(5000));
  auto headers = call.headers;
  std::sort(headers.begin(), headers.end());
  EXPECT_THAT(headers, ElementsAre(Pair(":authority", "auth"), Pair(":method", "POST"),
                                   Pair(":path", "/check"), Pair("content-length", "8"),
                                   Pair("x-two", "1"), Pair("x-two", "2")));
  stream->finish_call(0, response({{":status", "200"}, {"x-user", "joe"}}, "fine"));
  EXPECT_EQ(out_of(stream->request), "200joefine");
  EXPECT_TRUE(stream->request.headers_passed && stream->request.ended);
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaCall, ThatFailsIsA503) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local headers, body = handle:httpCall("auth",
        {[":method"] = "GET", [":path"] = "/", [":authority"] = "auth"}, nil, 0)
      handle:headers():add("x-out", headers[":status"] .. body)
    end)lua");
  auto stream = lua.get();
  EXPECT_EQ(stream->calls.at(0)->request.timeout.count(), 0);
  stream->finish_call(0, {false, {{":status", "503"}}, ""});
  EXPECT_EQ(out_of(stream->request), "503upstream failure");
}

TEST(LuaCall, OptionsAndRepeatedHeaders) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local request = {[":method"] = "GET", [":path"] = "/", [":authority"] = "auth"}
      local first = handle:httpCall("auth", request, "", {timeout_ms = 7})
      local second, body = handle:httpCall("auth", request, "", {return_duplicate_headers = true})
      handle:headers():add("x-out", first.key .. " " .. table.concat(second.key, "+") ..
                           second.one .. tostring(body))
    end)lua");
  auto stream = lua.get();
  EXPECT_EQ(stream->calls.at(0)->request.timeout.count(), 7);
  const HeaderPairs answer{
      {":status", "200"}, {"key", "a"}, {"one", "x"}, {"key", "b"}, {"key", "c"}};
  stream->finish_call(0, response(answer));
  ASSERT_EQ(stream->calls.size(), 2u);
  EXPECT_FALSE(stream->request.headers_passed);
  stream->finish_call(1, response(answer));
  EXPECT_EQ(out_of(stream->request), "c a+b+cxnil");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaCall, AsynchronousOnesDoNotWait) {
  for (const char* const last : {"1000, true", "{asynchronous = true}"}) {
    LuaHarness lua(
        "function envoy_on_request(handle) handle:httpCall('auth', {[':method'] = 'GET', "
        "[':path'] = '/', [':authority'] = 'a'}, 'x', " +
        std::string(last) + ") end");
    auto stream = lua.get();
    ASSERT_EQ(stream->calls.size(), 1u);
    EXPECT_EQ(stream->calls[0]->handler, nullptr);
    EXPECT_TRUE(stream->request.headers_passed);
  }
}

TEST(LuaCall, RefusesWhatCannotBeSent) {
  const std::string good = "{[':method'] = 'GET', [':path'] = '/', [':authority'] = 'a'}";
  for (const std::string& arguments : std::initializer_list<std::string>{
           "'nowhere', " + good + ", '', 1", "'auth', {[':method'] = 'GET'}, '', 1",
           "'auth', " + good + ", '', -1", "'auth', " + good + ", '', 0/0",
           "'auth', " + good + ", ''", "'auth', " + good + ", '', 'x'",
           "'auth', " + good + ", '', 1, 'x'", "'auth', 1, '', 1", "'auth', " + good + ", {}, 1",
           "'auth'", ""}) {
    LuaHarness lua("function envoy_on_request(handle) handle:httpCall(" + arguments + ") end");
    auto stream = lua.get();
    EXPECT_TRUE(stream->calls.empty()) << arguments;
    EXPECT_EQ(lua.errors.value(), 1u) << arguments;
    EXPECT_TRUE(stream->request.headers_passed);
  }
}

TEST(LuaCall, ThenRespond) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local headers = handle:httpCall("auth",
        {[":method"] = "GET", [":path"] = "/", [":authority"] = "auth"}, "", 1000)
      if headers[":status"] ~= "200" then handle:respond({[":status"] = "401"}, "no") end
    end)lua");
  auto refused = lua.get();
  refused->finish_call(0, response({{":status", "403"}}));
  ASSERT_TRUE(refused->replied);
  EXPECT_EQ(refused->replied->status, 401);
  auto passed = lua.get();
  passed->finish_call(0, response({{":status", "200"}}));
  EXPECT_TRUE(passed->request.headers_passed);
}

TEST(LuaCall, ThenBody) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      handle:httpCall("auth", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, "", 1)
      local body = handle:body()
      handle:headers():add("x-out", body:getBytes(0, body:length()))
      body:setBytes("replaced")
    end)lua");
  // The call is answered before the body is there, while it comes, and when all of it is.
  for (const int pieces_first : {0, 1, 2}) {
    auto stream = lua.stream();
    stream->send_request(post(), false);
    if (pieces_first > 0) stream->send_request_data("ab");
    if (pieces_first > 1) stream->send_request_data("cd", true);
    stream->finish_call(0, response({{":status", "200"}}));
    if (pieces_first < 1) stream->send_request_data("ab");
    if (pieces_first < 2) stream->send_request_data("cd", true);
    EXPECT_EQ(out_of(stream->request), "abcd");
    EXPECT_EQ(stream->request.body, "replaced");
    EXPECT_TRUE(stream->request.headers_passed && stream->request.ended);
  }
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaCall, WithTheBodyThatItReplaces) {
  LuaHarness lua(R"lua(
    local function replace(handle)
      local body = handle:body()
      local headers, got = handle:httpCall("auth",
        {[":method"] = "POST", [":path"] = "/", [":authority"] = "a"},
        body:getBytes(0, body:length()), 1000)
      handle:body():setBytes(got)
    end
    envoy_on_request = replace
    envoy_on_response = replace)lua");
  auto stream = lua.stream();
  stream->send_request(post({{"content-length", "3"}}), false);
  stream->send_request_data("one", true);
  EXPECT_EQ(stream->calls.at(0)->request.body, "one");
  stream->finish_call(0, response({{":status", "200"}}, "answer"));
  EXPECT_EQ(stream->request.body, "answer");
  EXPECT_EQ(value_of(*stream->request.headers, "content-length"), "6");
  EXPECT_TRUE(stream->request.ended);
  stream->send_response({{":status", "200"}}, false);
  stream->send_response_data("two", true);
  EXPECT_EQ(stream->calls.at(1)->request.body, "two");
  stream->finish_call(1, response({{":status", "200"}}, "other"));
  EXPECT_EQ(stream->response.body, "other");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaCall, BetweenPieces) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      for chunk in handle:bodyChunks() do
        handle:httpCall("auth", {[":method"] = "POST", [":path"] = "/", [":authority"] = "a"},
                        chunk:getBytes(0, chunk:length()), 1000)
      end
    end)lua");
  auto stream = lua.stream();
  stream->send_request(post(), false);
  stream->send_request_data("a");
  stream->send_request_data("b");
  EXPECT_EQ(stream->request.body, "");
  stream->finish_call(0, response({{":status", "200"}}));
  EXPECT_EQ(stream->request.body, "a");
  stream->finish_call(1, response({{":status", "200"}}));
  EXPECT_EQ(stream->request.body, "ab");
  stream->send_request_data("c", true);
  stream->finish_call(2, response({{":status", "200"}}));
  EXPECT_EQ(stream->request.body, "abc");
  EXPECT_TRUE(stream->request.ended);
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaCall, OfAStreamThatEndsIsCancelled) {
  LuaHarness lua(kCall);
  auto stream = lua.get();
  stream->end();
  EXPECT_TRUE(stream->calls.at(0)->cancelled);
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaCall, ALargeAnswerIsAnErrorOfTheScript) {
  LuaHarness lua(kCall);
  auto stream = lua.get();
  stream->finish_call(0, response({{":status", "200"}}, std::string(40u << 20, 'x')));
  EXPECT_EQ(lua.errors.value(), 1u);
  EXPECT_TRUE(stream->request.headers_passed);
}

TEST(LuaCall, ALoopOfThemEndsSoon) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      while true do
        pcall(handle.httpCall, handle, "auth",
              {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, "", 1, true)
      end
    end)lua");
  auto stream = lua.get();
  EXPECT_EQ(lua.errors.value(), 1u);
  EXPECT_LT(stream->calls.size(), 1000u);
}

}  // namespace
}  // namespace weir::filters
