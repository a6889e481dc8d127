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
                          Pair("x-dup", "a"), Pair("x-dup", "b"), Pair("x-joined", "a,b"),
                          Pair("x-count", "2"), Pair("x-second", "b"), Pair("x-third", "nil"),
                          Pair("x-none", "nil"), Pair("user-agent", "changed"), Pair("5", "6")));
}

/// What a script that logs into a header says: the header "x-out" of the request, or of the
/// response.
std::string out_of(const FakeHttpStream& stream) {
  return value_of(*stream.request.headers, "x-out");
}

std::string request_says(std::string_view expression, const HeaderPairs& more = {}) {
  LuaHarness lua("function envoy_on_request(handle) handle:headers():add('x-out', tostring((" +
                 std::string(expression) + "))) end");
  auto stream = lua.get(more);
  return lua.errors.value() == 0 ? out_of(*stream) : "error";
}

TEST(LuaHeaders, PseudoHeadersHaveOneValue) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local headers = handle:headers()
      headers:add(":path", "/second")
      headers:replace("Host", "other.example.com")
      headers:replace(":method", "POST")
      headers:add("x-host", headers:get("host"))
    end)lua");
  auto stream = lua.get();
  EXPECT_THAT(header_pairs(*stream->request.headers),
              ElementsAre(Pair(":method", "POST"), Pair(":scheme", "http"),
                          Pair(":authority", "other.example.com"), Pair(":path", "/,/second"),
                          Pair("x-host", "other.example.com")));
}

TEST(LuaHeaders, WhatWouldBreakTheMessageIsAnError) {
  for (const char* const call :
       {R"(add("x", "a\r\nb: c"))", R"(add("x", "a\nb"))", R"(add("x", "a\0b"))", R"(add("", "a"))",
        R"(add("x y", "a"))", R"(add("x:y", "a"))", R"(add(":unknown", "a"))",
        R"(replace("x\r\n", "a"))", R"(replace("x", "\r"))", R"(add("x", {}))", R"(add("x"))",
        R"(get())", R"(getAtIndex("x"))", R"(setHttp1ReasonPhrase())"}) {
    LuaHarness lua("function envoy_on_request(handle) handle:headers():" + std::string(call) +
                   " end");
    auto stream = lua.get();
    EXPECT_EQ(lua.errors.value(), 1u) << call;
    EXPECT_TRUE(stream->request.headers_passed);
    EXPECT_EQ(stream->request.headers->size(), 4u) << call;
  }
}

TEST(LuaHeaders, IteratesInOrderAndSkipsWhatWasRemoved) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local headers, names = handle:headers(), {}
      headers:remove("x-gone")
      for name, value in pairs(headers) do names[#names + 1] = name .. "=" .. value end
      headers:add("x-out", table.concat(names, " "))
    end)lua");
  auto stream = lua.get({{"x-gone", "1"}, {"x-last", "2"}});
  EXPECT_EQ(out_of(*stream),
            ":method=GET :scheme=http :authority=www.example.com :path=/ x-last=2");
}

TEST(LuaHeaders, NoChangesAndNoSecondIteratorDuringAnIteration) {
  for (const char* const body :
       {"for k in pairs(headers) do headers:remove(k) end",
        "for k in pairs(headers) do headers:add('a', 'b') end",
        "for k in pairs(headers) do for l in pairs(headers) do end end",
        "for k in pairs(headers) do break end handle:headers():add('a', 'b')"}) {
    LuaHarness lua("function envoy_on_request(handle) local headers = handle:headers() " +
                   std::string(body) + " end");
    auto stream = lua.get();
    EXPECT_EQ(lua.errors.value(), 1u) << body;
    EXPECT_EQ(stream->request.headers->size(), 4u) << body;
  }
}

TEST(LuaHeaders, OfTheResponse) {
  LuaHarness lua(R"lua(
    function envoy_on_response(handle)
      local headers = handle:headers()
      headers:setHttp1ReasonPhrase("Fine")
      headers:add("x-out", headers:get(":status") .. headers:get("x-multi"))
      headers:replace(":status", "201")
    end)lua");
  auto stream = lua.get();
  stream->send_response({{":status", "200"}, {"x-multi", "a"}, {"x-multi", "b"}});
  EXPECT_THAT(header_pairs(*stream->response.headers),
              ElementsAre(Pair(":status", "201"), Pair("x-multi", "a"), Pair("x-multi", "b"),
                          Pair("x-out", "200a,b")));
  EXPECT_EQ(stream->routes_cleared, 0);
  EXPECT_EQ(lua.executions.value(), 1u);
}

TEST(LuaHeaders, ChangesOfTheRequestClearTheRoute) {
  const char* const script =
      "function envoy_on_request(handle) handle:headers():replace(':path', '/x') end";
  LuaHarness lua(script);
  EXPECT_GE(lua.get()->routes_cleared, 1);
  LuaHarness keeps(script);
  keeps.config.clear_route_cache = false;
  EXPECT_EQ(keeps.get()->routes_cleared, 0);
  LuaHarness reads("function envoy_on_request(handle) handle:headers():get('a') end");
  EXPECT_EQ(reads.get()->routes_cleared, 0);
  LuaHarness asks("function envoy_on_request(handle) handle:clearRouteCache() end");
  asks.config.clear_route_cache = false;
  EXPECT_EQ(asks.get()->routes_cleared, 1);
}

TEST(LuaHeaders, WritingWithoutEndIsAnError) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      while true do handle:headers():add("x", string.rep("y", 100000)) end
    end)lua");
  auto stream = lua.get();
  EXPECT_EQ(lua.errors.value(), 1u);
  EXPECT_LT(stream->request.headers->bytes(), 5u << 20);
}

TEST(LuaInfo, StreamAndConnection) {
  EXPECT_EQ(request_says("handle:streamInfo():protocol()"), "HTTP/1.1");
  EXPECT_EQ(request_says("handle:streamInfo():routeName()"), "");
  EXPECT_EQ(request_says("handle:streamInfo():virtualClusterName()"), "");
  EXPECT_EQ(request_says("handle:streamInfo():downstreamLocalAddress()"), "203.0.113.9:8080");
  EXPECT_EQ(request_says("handle:streamInfo():downstreamDirectLocalAddress()"), "203.0.113.9:8080");
  EXPECT_EQ(request_says("handle:streamInfo():downstreamDirectRemoteAddress()"),
            "198.51.100.7:40000");
  EXPECT_EQ(request_says("handle:streamInfo():downstreamRemoteAddress()"), "198.51.100.7:40000");
  EXPECT_EQ(request_says("handle:streamInfo():requestedServerName()"), "");
  EXPECT_EQ(request_says("handle:streamInfo():downstreamSslConnection()"), "nil");
  EXPECT_EQ(request_says("handle:streamInfo():filterState():get('x')"), "nil");
  EXPECT_EQ(request_says("handle:streamInfo().dynamicTypedMetadata"), "nil");
  EXPECT_EQ(request_says("handle:connection():ssl()"), "nil");
  EXPECT_EQ(request_says("handle:connectionStreamInfo():dynamicMetadata():get('x')"), "nil");
  EXPECT_EQ(request_says("handle:metadata():get('x')"), "nil");
  EXPECT_EQ(request_says("handle:route():metadata():get('x')"), "nil");
  EXPECT_EQ(request_says("handle:virtualHost():metadata():get('x')"), "nil");
  EXPECT_EQ(request_says("(function() local n = 0 for _ in pairs(handle:metadata()) do n = n + 1 "
                         "end return n end)()"),
            "0");
  EXPECT_EQ(request_says("(function() for _ in "
                         "pairs(handle:connectionStreamInfo():dynamicMetadata()) do end "
                         "return 'none' end)()"),
            "none");
}

TEST(LuaInfo, RouteName) {
  LuaHarness lua(
      "function envoy_on_request(handle) handle:headers():add('x-out', "
      "handle:streamInfo():routeName()) end");
  route::Route route;
  route.name = "the-route";
  auto stream = lua.stream();
  stream->chosen_route = &route;
  stream->get();
  EXPECT_EQ(out_of(*stream), "the-route");
}

/// What a script says on a route and a virtual host with metadata.
std::string with_metadata(const std::string& expression, const http::Metadata& of_route,
                          const http::Metadata& of_host) {
  LuaHarness lua("function envoy_on_request(handle) handle:headers():add('x-out', tostring(" +
                 expression + ")) end");
  route::Route route;
  route.metadata = std::make_shared<const http::Metadata>(of_route);
  route::VirtualHost host;
  host.metadata = std::make_shared<const http::Metadata>(of_host);
  auto stream = lua.stream();
  stream->chosen_route = &route;
  stream->chosen_host = &host;
  stream->get();
  return out_of(*stream);
}

TEST(LuaInfo, MetadataOfRoutes) {
  const http::Metadata of_route{{{"lua", "deep", R"({"list":[1,"two"]})"},
                                 {"lua", "name", R"("a \"route\"")"},
                                 {"other", "name", R"("not this")"}}};
  const http::Metadata of_host{{{"envoy.filters.http.lua", "name", R"("a host")"}}};
  const auto says = [&](const std::string& text) { return with_metadata(text, of_route, of_host); };
  EXPECT_EQ(says("handle:metadata():get('name')"), R"(a "route")");
  EXPECT_EQ(says("handle:route():metadata():get('name')"), R"(a "route")");
  EXPECT_EQ(says("handle:metadata():get('deep').list[2]"), "two");
  EXPECT_EQ(says("handle:metadata():get('else')"), "nil");
  EXPECT_EQ(says("handle:virtualHost():metadata():get('name')"), "a host");
  EXPECT_EQ(says("handle:virtualHost():metadata():get('deep')"), "nil");
  EXPECT_EQ(says("(function() local all = '' for key in pairs(handle:metadata()) do all = all .. "
                 "key .. ' ' end return all end)()"),
            "deep name ");
}

TEST(LuaInfo, Times) {
  const auto now = [] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  };
  const auto before = now();
  EXPECT_GE(std::stoll(request_says("string.format('%.0f', handle:timestamp())")), before);
  EXPECT_GE(std::stoll(request_says("handle:timestampString()")), before);
  EXPECT_GE(
      std::stoll(request_says("handle:timestampString(EnvoyTimestampResolution.MICROSECOND)")),
      before * 1000);
  const auto said =
      std::stoll(request_says("handle:timestampString(EnvoyTimestampResolution.MILLISECOND)"));
  EXPECT_LE(said, now());
  EXPECT_EQ(request_says("handle:timestamp(7)"), "error");
}

TEST(LuaInfo, Base64) {
  EXPECT_EQ(request_says("handle:base64Escape('')"), "");
  EXPECT_EQ(request_says("handle:base64Escape('f')"), "Zg==");
  EXPECT_EQ(request_says("handle:base64Escape('fo')"), "Zm8=");
  EXPECT_EQ(request_says("handle:base64Escape('foo')"), "Zm9v");
  EXPECT_EQ(request_says("handle:base64Escape('\\0\\255\\254')"), "AP/+");
}

TEST(LuaInfo, WhatIsNotSupportedSaysSo) {
  for (const char* const call :
       {"importPublicKey('k', 1)", "verifySignature()", "setUpstreamOverrideHost('192.0.2.1')"}) {
    EXPECT_THAT(request_says("select(2, pcall(function() handle:" + std::string(call) + " end))"),
                HasSubstr("is not supported by this version of weir-proxy"));
  }
}

TEST(LuaMetadata, KeepsValuesAndTheirTypes) {
  LuaHarness lua(R"lua(
    function envoy_on_request(handle)
      local dynamic = handle:streamInfo():dynamicMetadata()
      dynamic:set("ns", "text", "value")
      dynamic:set("ns", "digits", "123")
      dynamic:set("ns", "number", 1.5)
      dynamic:set("ns", "flag", true)
      dynamic:set("ns", "table", {auth = "a", list = {1, 2}})
      dynamic:set("ns", "changes", "1")
      dynamic:set("ns", "changes", 1)
      dynamic:set("other", "null", "null")
    end
    function envoy_on_response(handle)
      local all = handle:streamInfo():dynamicMetadata()
      local got, out = all:get("ns"), {}
      for _, key in ipairs({"text", "digits", "number", "flag", "changes"}) do
        out[#out + 1] = type(got[key]) .. ":" .. tostring(got[key])
      end
      out[#out + 1] = got.table.auth .. got.table.list[2]
      out[#out + 1] = type(all:get("nowhere"))
      for space, values in pairs(all) do out[#out + 1] = space .. "=" .. type(values) end
      out[#out + 1] = type(all:get("other")["null"])
      handle:headers():add("x-out", table.concat(out, " "))
    end)lua");
  auto stream = lua.get();
  ASSERT_NE(stream->notes.find("ns", "text"), nullptr);
  EXPECT_EQ(*stream->notes.find("ns", "text"), "value");
  EXPECT_EQ(*stream->notes.find("ns", "digits"), "123");
  EXPECT_EQ(*stream->notes.find("ns", "number"), "1.5");
  EXPECT_EQ(*stream->notes.find("ns", "flag"), "true");
  stream->send_response({{":status", "200"}});
  EXPECT_EQ(value_of(*stream->response.headers, "x-out"),
            "string:value string:123 number:1.5 boolean:true number:1 a2 nil ns=table other=table "
            "string");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaMetadata, OfOthersIsRead) {
  LuaHarness lua(
      "function envoy_on_request(handle) local m = "
      "handle:streamInfo():dynamicMetadata():get('jwt') "
      "handle:headers():add('x-out', m.sub .. m.claims.aud .. m.raw) end");
  auto stream = lua.stream();
  stream->notes.set("jwt", "sub", "joe");
  stream->notes.set("jwt", "claims", R"({"aud":"x"})");
  stream->notes.set("jwt", "raw", "{not json");
  stream->get();
  EXPECT_EQ(out_of(*stream), "joex{not json");
}

TEST(LuaMetadata, WhatHasNoFormIsAnError) {
  for (const char* const value : {"print", "{[true] = 1}", "handle", "coroutine.create(print)"}) {
    LuaHarness lua(
        "function envoy_on_request(handle) "
        "handle:streamInfo():dynamicMetadata():set('ns', 'k', " +
        std::string(value) + ") end");
    auto stream = lua.get();
    EXPECT_EQ(lua.errors.value(), 1u) << value;
    EXPECT_TRUE(stream->notes.entries.empty());
  }
}

TEST(LuaRoutes, ChooseTheScript) {
  LuaHarness lua("function envoy_on_request(handle) handle:headers():add('x-out', 'default') end");
  lua.config.named["named"] = lua_source(
      "function envoy_on_request(handle) handle:headers():add('x-out', "
      "handle:filterContext().key .. handle:filterContext():get('key')) end");
  LuaRouteConfig disabled;
  disabled.disabled = true;
  LuaRouteConfig named;
  named.name = "named";
  named.filter_context = R"({"key":"value"})";
  LuaRouteConfig unknown;
  unknown.name = "unknown";
  LuaRouteConfig own;
  own.script = lua_source(
      "function envoy_on_request(handle) handle:headers():add('x-out', 'own' .. "
      "type(handle:filterContext().key)) end");
  const LuaRouteConfig empty;
  const auto out = [&](const LuaRouteConfig* config) {
    auto stream = lua.stream();
    if (config != nullptr) stream->route_filters["lua"] = {config};
    stream->get();
    return out_of(*stream);
  };
  EXPECT_EQ(out(nullptr), "default");
  EXPECT_EQ(out(&empty), "default");
  EXPECT_EQ(out(&disabled), "(none)");
  EXPECT_EQ(out(&named), "valuevalue");
  EXPECT_EQ(out(&unknown), "(none)");
  EXPECT_EQ(out(&own), "ownnil");
  EXPECT_EQ(lua.errors.value(), 0u);
}

TEST(LuaRoutes, ScriptsOfRoutesThatAreGoneAreForgotten) {
  LuaHarness lua("");
  std::size_t used = 0;
  for (int i = 0; i < 50; ++i) {
    LuaRouteConfig route;
    route.script = lua_source("function envoy_on_request(handle) handle:headers():add('x-out', '" +
                              std::to_string(i) + "') end");
    auto stream = lua.stream();
    stream->route_filters["lua"] = {&route};
    stream->get();
    EXPECT_EQ(out_of(*stream), std::to_string(i));
    if (i == 5) used = lua.instance.used();
  }
  EXPECT_LE(lua.instance.used(), used + used / 10);
}

TEST(LuaRoutes, AFilterWithoutAScriptDoesNothing) {
  LuaHarness lua("");
  lua.config.script = nullptr;
  auto stream = lua.get();
  stream->send_response({{":status", "200"}});
  EXPECT_TRUE(stream->request.headers_passed);
  EXPECT_TRUE(stream->response.headers_passed);
  EXPECT_EQ(lua.executions.value(), 0u);
}

}  // namespace
}  // namespace weir::filters
