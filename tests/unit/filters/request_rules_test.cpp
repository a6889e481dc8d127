// SPDX-License-Identifier: Apache-2.0
// What the connection manager does to headers and paths before any route, how long a request may
// take, and how a client hears of bad HTTP/1.
#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proxy/filters/network/http_connection_manager/header_rules.hpp"
#include "proxy/filters/network/http_connection_manager/path_rules.hpp"
#include "proxy/filters/network/http_connection_manager/protocol_errors.hpp"
#include "proxy/filters/network/http_connection_manager/timeouts.hpp"

namespace weir::filters {
namespace {

using http::HeaderId;
using std::chrono::milliseconds;
using Slashes = HcmConfig::EscapedSlashes;

// --- Headers.

class Headers {
 public:
  Headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    for (const auto& [name, value] : fields) map.add(name, value);
  }
  [[nodiscard]] std::string get(std::string_view name) const { return std::string(map.get(name)); }
  http::ArenaPool pool;
  http::Arena arena{pool};
  http::HeaderMap map{arena};
};

ClientFacts mutate(const HcmConfig& config, Headers& headers, bool upgrade = false,
                   const char* from = "198.51.100.7") {
  upstream::Random random(1);
  DownstreamAddress peer;
  peer.endpoint = {*IpAddress::parse(from), 4000};
  return mutate_request(config, headers.map, peer, Endpoint{*IpAddress::parse("203.0.113.1"), 80},
                        upgrade, random);
}

TEST(RequestRules, HopByHopHeadersGo) {
  Headers headers({{"connection", "x"},
                   {"upgrade", "y"},
                   {"keep-alive", "z"},
                   {"proxy-connection", "a"},
                   {"transfer-encoding", "chunked"},
                   {"te", "gzip"},
                   {"x-envoy-internal", "true"},
                   {"kept", "1"}});
  mutate({}, headers);
  for (const std::string_view name : {"connection", "upgrade", "keep-alive", "proxy-connection",
                                      "transfer-encoding", "te", "x-envoy-internal"})
    EXPECT_EQ(headers.map.find(name), nullptr) << name;
  EXPECT_EQ(headers.get("kept"), "1");
  Headers upgrade({{"connection", "Upgrade"}, {"upgrade", "websocket"}, {"te", "Trailers"}});
  mutate({}, upgrade, true);
  EXPECT_EQ(upgrade.get("connection"), "Upgrade");
  EXPECT_EQ(upgrade.get("upgrade"), "websocket");
  EXPECT_EQ(upgrade.get("te"), "Trailers");
  Headers twice({{"te", "trailers"}, {"te", "gzip"}});
  mutate({}, twice);
  EXPECT_EQ(twice.map.count("te"), 0u);
}

TEST(RequestRules, OnlyAGoodRefererIsPassedOn) {
  const std::pair<const char*, bool> cases[] = {
      {"http://a.test/x", true},    {"/x", true},
      {"svn+ssh://a.test/x", true}, {"htt;://a.test/x", false},
      {"http://u@a.test/x", false}, {"http://a.test/x#f", false},
      {"ht tp://a.test/x", false},  {"a/b://c", false},
  };
  for (const auto& [referer, good] : cases) {
    Headers headers({{"referer", referer}});
    mutate({}, headers);
    EXPECT_EQ(headers.get("referer"), good ? referer : "") << referer;
  }
}

TEST(RequestRules, WhatConnectionNamesGoes) {
  const auto stripped =
      [](std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
        Headers headers(fields);
        if (!strip_connection_headers(headers.map)) return std::string("refused");
        std::string names;
        for (const auto& field : headers.map.fields())
          if (!field.removed() && field.id != HeaderId::connection)
            names.append(field.name).append(" ");
        return names;
      };
  EXPECT_EQ(stripped({{"a", "1"}}), "a ");
  EXPECT_EQ(stripped({{"connection", "close"}, {"a", "1"}}), "a ");
  EXPECT_EQ(stripped({{"connection", "keep-alive, A ,\tb,,"}, {"a", "1"}, {"b", "2"}, {"c", "3"}}),
            "c ");
  // In a second line, too.
  EXPECT_EQ(stripped({{"connection", "close"}, {"connection", "a"}, {"a", "1"}, {"b", "2"}}), "b ");
  EXPECT_EQ(stripped({{"connection", "keep-alive"}, {"b", "2"}, {"connection", "x-forwarded-for"}}),
            "refused");
  EXPECT_EQ(
      stripped(
          {{"connection", "upgrade, http2-settings"}, {"upgrade", "h2c"}, {"http2-settings", "x"}}),
      "upgrade http2-settings ");
  EXPECT_EQ(
      stripped({{"connection", "content-length, transfer-encoding"}, {"content-length", "5"}}),
      "content-length ");
  EXPECT_EQ(stripped({{"connection", "te"}, {"te", "trailers"}}), "te ");
  EXPECT_EQ(stripped({{"connection", "te"}, {"te", "gzip"}}), "");
  EXPECT_EQ(stripped({{"connection", "te"}, {"te", "trailers"}, {"te", "gzip"}}), "");
  for (const std::string_view name :
       {"x-forwarded-for", "X-Forwarded-Host", "x-forwarded-proto", ":path", ":authority"})
    EXPECT_EQ(stripped({{"connection", name}}), "refused") << name;
}

TEST(RequestRules, Upgrades) {
  const auto upgrade =
      [](std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
        return is_upgrade(Headers(fields).map);
      };
  EXPECT_TRUE(upgrade({{"connection", "Upgrade"}, {"upgrade", "websocket"}}));
  EXPECT_TRUE(upgrade({{"connection", "keep-alive, UPGRADE"}, {"upgrade", "x"}}));
  EXPECT_TRUE(upgrade({{"connection", "keep-alive"}, {"connection", "upgrade"}, {"upgrade", "x"}}));
  EXPECT_FALSE(upgrade({{"connection", "upgrade"}}));
  EXPECT_FALSE(upgrade({{"upgrade", "x"}}));
  EXPECT_FALSE(upgrade({{"connection", "upgraded"}, {"upgrade", "x"}}));
}

TEST(RequestRules, ForwardedForIsOneList) {
  HcmConfig config;
  config.use_remote_address = true;
  Headers none({{":scheme", "http"}});
  EXPECT_EQ(mutate(config, none).remote.to_string(), "198.51.100.7:4000");
  EXPECT_EQ(none.get("x-forwarded-for"), "198.51.100.7");
  Headers some({{"x-forwarded-for", "192.0.2.1"}, {"x-forwarded-for", "192.0.2.2"}});
  mutate(config, some);
  EXPECT_EQ(some.map.count("x-forwarded-for"), 1u);
  EXPECT_EQ(some.get("x-forwarded-for"), "192.0.2.1,192.0.2.2,198.51.100.7");

  // The last element is what the nearest proxy has seen, whichever line it stands in.
  HcmConfig inner;
  Headers lines({{"x-forwarded-for", "192.0.2.1"}, {"x-forwarded-for", "192.0.2.2"}});
  EXPECT_EQ(mutate(inner, lines).remote.endpoint.address.to_string(), "192.0.2.2");
  EXPECT_EQ(lines.get("x-forwarded-for"), "192.0.2.1,192.0.2.2");
  inner.xff_trusted_hops = 1;
  Headers hops({{"x-forwarded-for", "192.0.2.1, 192.0.2.2"}, {"x-forwarded-for", "192.0.2.3"}});
  EXPECT_EQ(mutate(inner, hops).remote.endpoint.address.to_string(), "192.0.2.2");
}

TEST(RequestRules, ForwardedProtoAndScheme) {
  HcmConfig edge;
  edge.use_remote_address = true;
  Headers claimed({{":scheme", "https"}, {"x-forwarded-proto", "https"}});
  mutate(edge, claimed);
  EXPECT_EQ(claimed.get("x-forwarded-proto"), "http");
  EXPECT_EQ(claimed.get(":scheme"), "http");
  Headers trusted({{":scheme", "http"}, {"x-forwarded-proto", "https"}});
  mutate({}, trusted);
  EXPECT_EQ(trusted.get("x-forwarded-proto"), "https");
  EXPECT_EQ(trusted.get(":scheme"), "https");
  Headers two({{":scheme", "http"}, {"x-forwarded-proto", "https"}, {"x-forwarded-proto", "http"}});
  mutate({}, two);
  EXPECT_EQ(two.get(":scheme"), "http");
  Headers absent({{":scheme", "http"}});
  mutate({}, absent);
  EXPECT_EQ(absent.get("x-forwarded-proto"), "http");
}

TEST(RequestRules, RequestIdsAndVia) {
  HcmConfig config;
  config.via = "weir";
  Headers headers({{"via", "a"}, {"via", "b"}});
  mutate(config, headers);
  EXPECT_EQ(headers.get("via"), "a,b, weir");
  EXPECT_EQ(headers.map.count("via"), 1u);
  const std::string id = headers.get("x-request-id");
  ASSERT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos);
  Headers kept({{"x-request-id", "mine"}});
  mutate(config, kept);
  EXPECT_EQ(kept.get("x-request-id"), "mine");
  config.use_remote_address = true;
  mutate(config, kept);
  EXPECT_NE(kept.get("x-request-id"), "mine");
}

TEST(RequestRules, UuidsAreWellFormedAndDiffer) {
  upstream::Random random(9);
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    char id[37];
    write_uuid(id, random);
    EXPECT_EQ(id[36], '\0');
    for (std::size_t at = 0; at < 36; ++at) {
      const bool dash = at == 8 || at == 13 || at == 18 || at == 23;
      EXPECT_EQ(id[at] == '-', dash);
      if (!dash) {
        EXPECT_NE(std::string_view("0123456789abcdef").find(id[at]), std::string_view::npos);
      }
    }
    EXPECT_TRUE(seen.emplace(id).second);
  }
}

TEST(ResponseRules, ServerDateAndVia) {
  HcmConfig config;
  config.via = "weir";
  Headers headers({{":status", "200"},
                   {"server", "x"},
                   {"server", "y"},
                   {"via", "a"},
                   {"via", "b"},
                   {"connection", "close"},
                   {"transfer-encoding", "chunked"}});
  mutate_response(config, headers.map, "now", false);
  EXPECT_EQ(headers.map.joined("server"), "envoy");
  EXPECT_EQ(headers.get("date"), "now");
  EXPECT_EQ(headers.map.joined("via"), "a,b, weir");
  EXPECT_FALSE(headers.map.has(HeaderId::connection) ||
               headers.map.has(HeaderId::transfer_encoding));
  config.server_header = HcmConfig::ServerHeader::append_if_absent;
  Headers own(
      {{"server", "x"}, {"date", "then"}, {"connection", "upgrade"}, {"upgrade", "websocket"}});
  mutate_response(config, own.map, "now", true);
  EXPECT_EQ(own.get("server"), "x");
  EXPECT_EQ(own.map.joined("date"), "then");
  EXPECT_EQ(own.get("upgrade"), "websocket");
}

TEST(RequestRules, RefusesWhatHasNoHostOrPath) {
  const auto refused =
      [](std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
        Headers headers(fields);
        return check_request({}, headers.map, 80).status;
      };
  EXPECT_EQ(refused({{":path", "/"}, {":method", "GET"}}), 400);
  EXPECT_EQ(refused({{":authority", "h"}, {":path", "/"}, {":method", "GET"}}), 0);
  EXPECT_EQ(refused({{":authority", "h"}, {":method", "GET"}}), 404);
  EXPECT_EQ(refused({{":authority", "h"}, {":path", "*"}, {":method", "OPTIONS"}}), 404);
  EXPECT_EQ(refused({{":authority", "h"}, {":method", "CONNECT"}}), 0);
  EXPECT_EQ(refused({{":authority", "h"}, {":path", "/a#b"}, {":method", "GET"}}), 400);
}

// --- Paths.

/// "refused", "redirect PATH" or the path.
std::string path(std::string_view text, bool normalize, bool merge,
                 Slashes slashes = Slashes::keep) {
  HcmConfig config;
  config.normalize_path = normalize;
  config.merge_slashes = merge;
  config.escaped_slashes = slashes;
  const PathResult result = normalized(config, text);
  if (result.status == PathResult::Status::refused) return "refused";
  return (result.status == PathResult::Status::redirect ? "redirect " : "") + result.path;
}

TEST(PathRules, DotSegments) {
  for (const auto& [from, to] :
       {std::pair{"/", "/"},  {"/a", "/a"},      {"/a/", "/a/"},
        {"/.", "/"},          {"/..", "/"},      {"/../..", "/"},
        {"/a/.", "/a/"},      {"/a/..", "/"},    {"/a/b/..", "/a/"},
        {"/a/./b", "/a/b"},   {"/a/../b", "/b"}, {"/a/b/../../c", "/c"},
        {"/../a", "/a"},      {"/...", "/..."},  {"/.a", "/.a"},
        {"/a..", "/a.."},     {"//", "//"},      {"/a//b", "/a//b"},
        {"/a//../b", "/a/b"}, {"/a/../", "/"},   {"/a/.?/../x", "/a/?/../x"},
        {"/?..", "/?.."},     {"/..?", "/?"}})
    EXPECT_EQ(path(from, true, false), to) << from;
}

TEST(PathRules, Escapes) {
  for (const auto& [from, to] : {std::pair{"/%41%7e%2D%5f%2E", "/A~-_."},
                                 {"/%2e%2e/a", "/a"},
                                 {"/a/%2E./b", "/b"},
                                 {"/%3a%3A", "/%3a%3A"},
                                 {"/%25", "/%25"},
                                 {"/%2f", "/%2f"},
                                 {"/a%2f..%2fb", "/a%2f..%2fb"},
                                 {"/a\\..\\b", "/b"},
                                 {"/%5c", "/%5c"},
                                 {"/%252e", "/%252e"},
                                 {"/?%2e%zz", "/?%2e%zz"}})
    EXPECT_EQ(path(from, true, false), to) << from;
  for (const char* const none : {"/%", "/%4", "/%g0", "/%0g", "/a%", "/%?41"})
    EXPECT_EQ(path(none, true, false), none);
  // No unescaped digit becomes part of another escape.
  for (const char* const none : {"/%%41", "/%4%41", "/%2%65", "/%%32e"})
    EXPECT_EQ(path(none, true, false), none);
  EXPECT_EQ(path("/%25%41", true, false), "/%25A");
  EXPECT_EQ(path("/%00", true, false), "refused");
  EXPECT_EQ(path("/%zz", false, true), "/%zz");
}

TEST(PathRules, SlashesMerge) {
  EXPECT_EQ(path("//a///b//?x//y", false, true), "/a/b/?x//y");
  EXPECT_EQ(path("//", false, true), "//");  // as in Envoy
  EXPECT_EQ(path("/a//../b", true, true), "/a/b");
}

TEST(PathRules, EscapedSlashes) {
  for (const char* const plain : {"/a", "/a%20b", "/a?%2f", "/a%2", "/a%", "/%2g"}) {
    EXPECT_EQ(path(plain, false, false, Slashes::reject), plain);
    EXPECT_EQ(path(plain, false, false, Slashes::unescape_and_redirect), plain);
  }
  for (const char* const with : {"/a%2fb", "/a%2Fb", "/a%5cb", "/a%5Cb"}) {
    EXPECT_EQ(path(with, false, false, Slashes::keep), with);
    EXPECT_EQ(path(with, false, false, Slashes::reject), "refused");
    const std::string to = std::string("/a") + (with[3] == '2' ? "/" : "\\") + "b";
    EXPECT_EQ(path(with, false, false, Slashes::unescape), to);
    EXPECT_EQ(path(with, false, false, Slashes::unescape_and_redirect), "redirect " + to);
  }
  EXPECT_EQ(path("/a%2f%2e%2e%2fb", true, false, Slashes::unescape), "/b");
  EXPECT_EQ(path("/a%2F%2Fb?c", true, true, Slashes::unescape_and_redirect), "redirect /a/b?c");
}

// --- Time.

TEST(RequestTimeouts, GrpcTimeoutAsText) {
  using std::chrono::milliseconds;
  EXPECT_EQ(grpc_timeout_text(milliseconds(1)), "1m");
  EXPECT_EQ(grpc_timeout_text(milliseconds(99'999'999)), "99999999m");
  EXPECT_EQ(grpc_timeout_text(milliseconds(100'000'999)), "100000S");
  EXPECT_EQ(grpc_timeout_text(milliseconds(100'000'000'000)), "1666666M");
}

TEST(RequestTimeouts, GrpcTimeout) {
  for (const auto& [text, expected] : {std::pair{"1H", 3600000},
                                       {"2M", 120000},
                                       {"3S", 3000},
                                       {"4m", 4},
                                       {"1u", 1},
                                       {"1001u", 2},
                                       {"1n", 1},
                                       {"5000000n", 5},
                                       {"99999999m", 99999999},
                                       {"0S", 0}})
    EXPECT_EQ(parse_grpc_timeout(text), milliseconds(expected)) << text;
  for (const std::string_view text :
       {"", "1", "S", "-1S", "+1S", "1s", " 1S", "1 S", "1.5S", "123456789m", "1SS"})
    EXPECT_EQ(parse_grpc_timeout(text), std::nullopt) << text;
  EXPECT_EQ(parse_grpc_timeout("99999999H"), milliseconds(99999999LL * 3600000));
}

TEST(RequestTimeouts, OfRouteAndHeaders) {
  route::ForwardAction action;
  route::RetryPolicy policy;
  const auto of = [&](std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                      bool grpc = false) {
    const Headers headers(fields);
    const Timeouts timeouts = request_timeouts(action, &policy, headers.map, grpc);
    return std::to_string(timeouts.whole.count()) + " " + std::to_string(timeouts.attempt.count()) +
           " " +
           (!timeouts.stream               ? "-"
            : *timeouts.stream == kNoLimit ? "none"
                                           : std::to_string(timeouts.stream->count()));
  };
  EXPECT_EQ(of({}), "15000 0 -");
  policy.per_try_timeout = milliseconds(400);
  EXPECT_EQ(of({}), "15000 400 -");
  action.timeout = milliseconds(300);
  EXPECT_EQ(of({}), "300 0 -");
  action.timeout = milliseconds(0);
  EXPECT_EQ(of({}), "0 400 -");
  EXPECT_EQ(of({{"x-envoy-upstream-rq-timeout-ms", "70"},
                {"x-envoy-upstream-rq-per-try-timeout-ms", "60"}}),
            "70 60 -");
  EXPECT_EQ(of({{"x-envoy-upstream-rq-timeout-ms", "-1"},
                {"x-envoy-upstream-rq-per-try-timeout-ms", "6x"}}),
            "0 400 -");
  EXPECT_EQ(of({{"grpc-timeout", "1S"}}, true), "0 400 -");
  action.max_grpc_timeout = milliseconds(2000);
  EXPECT_EQ(of({{"grpc-timeout", "1S"}}, true), "1000 400 -");
  EXPECT_EQ(of({{"grpc-timeout", "3S"}}, true), "2000 400 -");
  EXPECT_EQ(of({}, true), "2000 400 -");
  EXPECT_EQ(of({{"grpc-timeout", "1S"}}, false), "0 400 -");
  action.max_grpc_timeout = milliseconds(0);
  EXPECT_EQ(of({{"grpc-timeout", "3S"}}, true), "3000 400 -");
  action = {};
  action.max_stream_duration = milliseconds(9);
  EXPECT_EQ(of({}), "0 400 9");
  // What the route allows counts in the place of its timeout, and of the connection manager's.
  action.timeout = milliseconds(5);
  EXPECT_EQ(of({}), "0 400 9");
  EXPECT_EQ(of({{"grpc-timeout", "1m"}}), "0 400 9");
  action.max_stream_duration = milliseconds(0);
  EXPECT_EQ(of({}), "0 400 none");
  action.grpc_timeout_header_max = milliseconds(2000);
  EXPECT_EQ(of({{"grpc-timeout", "1S"}}), "0 400 1000");
  EXPECT_EQ(of({{"grpc-timeout", "3S"}}, true), "0 400 2000");
  EXPECT_EQ(of({{"grpc-timeout", "0m"}}, true), "0 400 0");
  EXPECT_EQ(of({{"grpc-timeout", "1"}}, true), "0 400 none");
  action.max_stream_duration = std::nullopt;
  EXPECT_EQ(of({}), "0 400 -");
  action.grpc_timeout_header_max = milliseconds(0);
  EXPECT_EQ(of({{"grpc-timeout", "3S"}}, true), "0 400 3000");
}

TEST(RequestTimeouts, GrpcConditions) {
  std::set<std::uint32_t> seen;
  for (const std::string_view status : {"1", "4", "8", "13", "14"})
    EXPECT_TRUE(seen.insert(grpc_condition(status)).second && grpc_condition(status) != 0)
        << status;
  for (const std::string_view status : {"", "0", "2", "16", "01", "1 "})
    EXPECT_EQ(grpc_condition(status), 0u) << status;
}

// --- Answers to bad HTTP/1.

TEST(ProtocolErrors, EachHasAnAnswer) {
  using enum http::Http1Error;
  const auto answer = [](http::Http1Error error) {
    const ProtocolAnswer text = answer_to(error);
    return std::to_string(text.status) + " " + std::string(text.body) + " " +
           std::string(text.details);
  };
  EXPECT_EQ(answer(head_too_large), "431 Request Header Fields Too Large http1.headers_too_large");
  EXPECT_EQ(answer(trailers_too_large),
            "431 Request Header Fields Too Large http1.headers_too_large");
  EXPECT_EQ(answer(too_many_headers), "431 Request Header Fields Too Large http1.too_many_headers");
  EXPECT_EQ(answer(bad_transfer_encoding), "501 Not Implemented http1.invalid_transfer_encoding");
  EXPECT_EQ(answer(length_and_chunked),
            "400 Bad Request http1.content_length_and_chunked_not_allowed");
  EXPECT_EQ(answer(bad_target), "400 Bad Request http1.invalid_url");
  for (const auto error : {bad_request_line, bad_method, bad_version, bad_name, bad_line_end,
                           folded, bad_content_length, bad_chunk})
    EXPECT_EQ(answer(error), "400 Bad Request http1.codec_error");
  std::set<std::string_view> texts;
  for (int i = 0; i < static_cast<int>(count_); ++i)
    EXPECT_TRUE(texts.insert(describe(static_cast<http::Http1Error>(i))).second);
}

}  // namespace
}  // namespace weir::filters
