// SPDX-License-Identifier: Apache-2.0
// What makes a message malformed (RFC 9113 §8) or too large, and what it costs the peer: as
// measured on Envoy 1.40 with the same frames.
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/http2_endpoint.hpp"
#include "tests/unit/http/http2_frames.hpp"

namespace weir::http {
namespace {

using namespace raw;  // NOLINT: the table reads better
using Role = Http2Session::Role;

constexpr std::string_view kFine = "";
constexpr std::string_view kField = "http2.invalid.header.field";
constexpr std::string_view kRule = "http2.violation.of.messaging.rule";

struct Message {
  std::string_view name;
  std::string bytes;  // stream 1
  std::string_view details;
};

std::ostream& operator<<(std::ostream& out, const Message& row) { return out << row.name; }

Fields but(std::string_view name, std::string value) {
  Fields fields = get();
  for (auto& field : fields)
    if (field.first == name) field.second = value;
  return fields;
}
Fields without(std::string_view name) {
  Fields fields = get();
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}
std::string request(const Fields& fields) { return headers(1, fields); }
std::string extra(std::string name, std::string value) {
  return headers(1, with(get(), std::move(name), std::move(value)));
}
std::string body(const Fields& fields, std::string_view data) {
  return headers(1, fields, kEndHeaders) + frame(kData, kEndStream, 1, data);
}
std::string trailers(const Fields& fields, std::uint8_t flags = kEndHeaders | kEndStream) {
  return headers(1, get(), kEndHeaders) + headers(1, fields, flags);
}

const Message kRequests[] = {
    {"good", request(get()), kFine},
    {"without_method", request(without(":method")), kRule},
    {"without_scheme", request(without(":scheme")), kRule},
    {"without_path", request(without(":path")), kRule},
    {"without_authority_and_host", request(without(":authority")), kRule},
    {"host_only", request(with(without(":authority"), "host", "h.test")), kFine},
    {"host_differs_from_authority", extra("host", "other.test"), kFine},
    {"host_twice", request(with(with(without(":authority"), "host", "a"), "host", "b")), kField},
    {"host_empty", request(with(without(":authority"), "host", "")), kField},
    {"host_with_user", request(with(without(":authority"), "host", "u@b")), kField},
    {"authority_empty", request(but(":authority", "")), kField},
    {"authority_with_user", request(but(":authority", "u@weir.test")), kField},
    {"authority_with_blank", request(but(":authority", "a b")), kField},
    {"authority_with_port", request(but(":authority", "[2001:db8::1]:80")), kFine},
    {"path_with_blank", request(but(":path", "/a b")), kField},
    {"path_with_nul", request(but(":path", std::string("/a\0b", 4))), kField},
    {"path_with_fragment", request(but(":path", "/a#b")), kFine},
    {"path_not_ascii", request(but(":path", "/\xc3\xa9")), kFine},
    {"path_of_odd_characters", request(but(":path", "/\"<>{}|^")), kFine},
    {"path_empty", request(but(":path", "")), kField},
    {"path_relative", request(but(":path", "a")), kRule},
    {"path_star", request(but(":path", "*")), kRule},
    {"path_twice", extra(":path", "/"), kField},
    {"path_long", request(but(":path", "/" + std::string(9000, 'a'))), kFine},
    {"scheme_bad", request(but(":scheme", "1http")), kField},
    {"scheme_other", request(but(":scheme", "ftp")), kFine},
    {"method_with_blank", request(but(":method", "GE T")), kField},
    {"method_lower", request(but(":method", "get")), kFine},
    {"options_star",
     request({{":method", "OPTIONS"}, {":scheme", "http"}, {":authority", "a"}, {":path", "*"}}),
     kFine},
    {"connect", request({{":method", "CONNECT"}, {":authority", "a:80"}}), kFine},
    {"connect_with_path", request({{":method", "CONNECT"}, {":authority", "a:80"}, {":path", "/"}}),
     kRule},
    {"extended_connect", request(with(but(":method", "CONNECT"), ":protocol", "websocket")),
     kField},
    {"pseudo_after_field",
     request({{":method", "GET"},
              {":scheme", "http"},
              {":path", "/"},
              {"x", "y"},
              {":authority", "a"}}),
     kField},
    {"pseudo_unknown", extra(":x", "y"), kField},
    {"pseudo_of_a_response", extra(":status", "200"), kField},
    {"name_upper", extra("X-Up", "y"), kField},
    {"name_with_blank", extra("x y", "y"), kField},
    {"name_with_colon", extra("x:y", "y"), kField},
    {"name_with_nul", extra(std::string("x\0y", 3), "y"), kField},
    {"name_empty", extra("", "y"), kField},
    {"value_with_nul", extra("x", std::string("a\0b", 3)), kField},
    {"value_with_cr", extra("x", "a\rb"), kField},
    {"value_with_lf", extra("x", "a\nb"), kField},
    {"value_with_control", extra("x", "a\x01"), kField},
    {"value_with_del", extra("x", "a\x7f"), kField},
    {"value_with_tab", extra("x", "a\tb"), kFine},
    {"value_not_ascii", extra("x", "a\xff"), kFine},
    {"value_with_blanks_around", extra("x", " \ta "), kFine},
    {"connection", extra("connection", "close"), kField},
    {"keep_alive", extra("keep-alive", "x"), kField},
    {"proxy_connection", extra("proxy-connection", "x"), kField},
    {"transfer_encoding", extra("transfer-encoding", "chunked"), kField},
    {"upgrade", extra("upgrade", "h2c"), kField},
    {"http2_settings", extra("http2-settings", "x"), kFine},
    {"te_trailers", extra("te", "trailers"), kFine},
    {"te_other", extra("te", "gzip"), kField},
    {"te_several", extra("te", "trailers, gzip"), kField},
    {"length_twice", body(with(with(get(), "content-length", "3"), "content-length", "3"), "abc"),
     kField},
    {"length_not_a_number", body(with(get(), "content-length", "x"), "abc"), kField},
    {"length_signed", body(with(get(), "content-length", "+3"), "abc"), kField},
    {"length_huge", body(with(get(), "content-length", "99999999999999999999"), "abc"), kField},
    {"length_right", body(with(get(), "content-length", "3"), "abc"), kFine},
    {"length_without_body", extra("content-length", "2"), kRule},
    {"trailers", trailers({{"x", "y"}}), kFine},
    {"trailers_with_pseudo", trailers({{":path", "/"}}), kField},
    {"trailers_that_do_not_end", trailers({{"x", "y"}}, kEndHeaders), kRule},
    {"trailers_with_connection", trailers({{"connection", "close"}}), kField},
};

class Http2Requests : public testing::TestWithParam<Message> {};

bool has_frame(const std::string& bytes, std::uint8_t type, std::uint32_t code) {
  for (const Frame& one : parse(bytes))
    if (one.type == type &&
        read_number(std::string_view(one.payload).substr(type == kGoaway ? 4 : 0, 4)) == code)
      return true;
  return false;
}

TEST_P(Http2Requests, EndTheConnectionByDefault) {
  const Message& row = GetParam();
  Http2Endpoint server(Role::server);
  server.input(std::string(kMagic) + settings());
  EXPECT_EQ(server.input(row.bytes + headers(3, get())), row.details.empty());
  EXPECT_EQ(server.session.details(), row.details);
  EXPECT_EQ(server.streams[1].ended, row.details.empty());
  EXPECT_EQ(server.streams[3].ended, row.details.empty());
  const std::string answer = server.output();
  EXPECT_EQ(server.session.finished(), !row.details.empty());
  if (row.details.empty()) return;
  EXPECT_TRUE(server.streams[1].reset);
  EXPECT_EQ(server.session.error(), Http2Error::protocol_error);
  EXPECT_TRUE(has_frame(answer, kGoaway, 1));
  EXPECT_FALSE(server.session.error_text().empty());
}

TEST_P(Http2Requests, EndTheStreamWhenAsked) {
  const Message& row = GetParam();
  Http2Endpoint server(Role::server, {.stream_error_on_invalid_message = true});
  server.input(std::string(kMagic) + settings());
  EXPECT_TRUE(server.input(row.bytes + headers(3, get())));
  EXPECT_TRUE(server.streams[3].ended);
  EXPECT_EQ(server.streams[1].reset, !row.details.empty());
  EXPECT_EQ(server.streams[1].why.details, row.details);
  const std::string answer = server.output();
  EXPECT_EQ(has_frame(answer, kRstStream, 1), !row.details.empty());
  EXPECT_EQ(server.streams[1].closed, row.details.empty() ? 0 : 1);
  EXPECT_FALSE(server.session.failed());
}

INSTANTIATE_TEST_SUITE_P(, Http2Requests, testing::ValuesIn(kRequests),
                         [](const auto& one) { return std::string(one.param.name); });

// Such bodies cost the stream only, whatever the option.
TEST(Http2Messages, ABodyOfAnotherLength) {
  for (const std::string_view data : {"ab", "abcd"}) {
    Http2Endpoint server(Role::server);
    server.input(std::string(kMagic) + settings());
    server.input(body(with(get(), "content-length", "3"), data) + headers(3, get()));
    EXPECT_FALSE(server.streams[1].ended);
    EXPECT_TRUE(has_frame(server.output(), kRstStream, 1));
    EXPECT_TRUE(server.streams[1].reset);
    EXPECT_FALSE(server.streams[1].why.by_peer);
    EXPECT_EQ(server.streams[1].closed, 1);
    EXPECT_TRUE(server.streams[3].ended);
    EXPECT_FALSE(server.session.failed());
  }
}

const Message kResponses[] = {
    {"good", headers(1, {{":status", "200"}}), kFine},
    {"without_status", headers(1, {{"x", "y"}}), kRule},
    {"status_of_two", headers(1, {{":status", "20"}}), kField},
    {"status_not_a_number", headers(1, {{":status", "2x0"}}), kField},
    {"status_101", headers(1, {{":status", "101"}}), kField},
    {"status_twice", headers(1, {{":status", "200"}, {":status", "200"}}), kField},
    {"pseudo_of_a_request", headers(1, {{":status", "200"}, {":path", "/"}}), kField},
    {"connection", headers(1, {{":status", "200"}, {"connection", "close"}}), kField},
    {"informational_that_ends", headers(1, {{":status", "103"}}), kRule},
    {"informational_with_length",
     headers(1, {{":status", "103"}, {"content-length", "0"}}, kEndHeaders), kField},
    {"length_without_body", headers(1, {{":status", "200"}, {"content-length", "2"}}), kRule},
    {"no_content_with_length", headers(1, {{":status", "204"}, {"content-length", "2"}}), kField},
    {"name_upper", headers(1, {{":status", "200"}, {"X", "y"}}), kField},
    {"value_with_lf", headers(1, {{":status", "200"}, {"x", "a\nb"}}), kField},
};

class Http2Responses : public testing::TestWithParam<Message> {};

TEST_P(Http2Responses, Checked) {
  const Message& row = GetParam();
  Http2Endpoint client(Role::client);
  client.input(settings());
  client.session.submit_request(client.request(), true, nullptr);
  client.output();
  EXPECT_EQ(client.input(row.bytes), row.details.empty());
  EXPECT_EQ(client.session.details(), row.details);
  EXPECT_EQ(client.streams[1].ended, row.details.empty());
  EXPECT_EQ(has_frame(client.output(), kGoaway, 1), !row.details.empty());
}

INSTANTIATE_TEST_SUITE_P(, Http2Responses, testing::ValuesIn(kResponses),
                         [](const auto& one) { return std::string(one.param.name); });

/// A server with `limits`; what becomes of stream 1 after `bytes`, while stream 3 must be served.
struct Limited {
  explicit Limited(const std::string& bytes, const Http2Limits& limits = {})
      : server(Role::server, {}, limits) {
    server.input(std::string(kMagic) + settings());
    EXPECT_TRUE(server.input(bytes + headers(3, get())));
    EXPECT_TRUE(server.streams[3].ended);
    EXPECT_EQ(has_frame(server.output(), kRstStream, 2), server.streams[1].reset);
  }
  std::string_view details() { return server.streams[1].why.details; }
  Http2Endpoint server;
};

Fields many(std::size_t count) {
  Fields fields = get();
  while (fields.size() < count) fields.emplace_back("x", "y");
  return fields;
}
std::string large(std::size_t blocks, std::string_view name) {
  std::string bytes = headers(1, get(), kEndStream);
  for (std::size_t i = 0; i < blocks; ++i)
    bytes += frame(kContinuation, i + 1 == blocks ? kEndHeaders : kNone, 1,
                   literal(name, std::string(14000, 'z')));
  return bytes;
}

TEST(Http2Limits, NumberOfHeaders) {
  EXPECT_EQ(Limited(request(many(100))).details(), "");
  EXPECT_EQ(Limited(request(many(101))).details(), "http2.too_many_headers");
  Fields cookies = get();
  for (int i = 0; i < 120; ++i) cookies.emplace_back("cookie", "z");
  EXPECT_EQ(Limited(request(cookies)).details(), "http2.too_many_headers");
  Fields all;
  for (int i = 0; i < 101; ++i) all.emplace_back("x", "y");
  EXPECT_EQ(Limited(trailers(all)).details(), "http2.too_many_headers");
}

TEST(Http2Limits, SizeOfHeaders) {
  EXPECT_EQ(Limited(large(4, "x")).details(), "");
  EXPECT_EQ(Limited(large(5, "x")).details(), "http2.header_list_size_too_large");
  EXPECT_EQ(Limited(large(5, "cookie")).details(), "http2.header_list_size_too_large");
  Http2Limits small;
  small.headers.max_bytes = 100;
  EXPECT_EQ(Limited(extra("x", std::string(60, 'y')), small).details(),
            "http2.header_list_size_too_large");
}

TEST(Http2Limits, ASmallBlockDoesNotUnfold) {
  // One large field enters the table, then is named by its index again and again.
  const std::string entry =
      std::string("\x40\x01x", 3) + std::string("\x7f\xa1\x1e", 3) +
      std::string(4000, 'y');  // with indexing, 127 + 0x21 + (0x1e << 7) = 4000
  std::string bomb = block(get()) + entry + std::string(16000 - entry.size(), '\xbe');
  Limited limited(headers(1, {}, kEndStream) + frame(kContinuation, kEndHeaders, 1, bomb));
  EXPECT_EQ(limited.details(), "http2.header_list_size_too_large");
  std::size_t held = 0;
  for (const auto& arena : limited.server.streams[1].arenas) held += arena->footprint();
  EXPECT_LT(held, 100'000u);
}

TEST(Http2Limits, Underscores) {
  Http2Limits limits;
  limits.headers.underscores = HttpOptions::Underscores::reject;
  EXPECT_EQ(Limited(extra("x_y", "z"), limits).details(), "http2.unexpected_underscore");
  EXPECT_EQ(Limited(trailers({{"x_y", "z"}}), limits).details(), "http2.unexpected_underscore");
  limits.headers.underscores = HttpOptions::Underscores::drop;
  Limited dropped(extra("x_y", "z"), limits);
  EXPECT_EQ(dropped.details(), "");
  EXPECT_FALSE(dropped.server.streams[1].maps.at(0).find("x_y"));
  Limited allowed(extra("x_y", "z"));
  EXPECT_TRUE(allowed.server.streams[1].maps.at(0).find("x_y"));
}

TEST(Http2Messages, WhatIsPassedOn) {
  Http2Endpoint server(Role::server);
  server.input(std::string(kMagic) + settings());
  server.input(
      headers(1, with(with(with(with(without(":authority"), "host", "h.test"), "x", " \ta b "),
                           "cookie", "a=1"),
                      "cookie", "b=2")));
  EXPECT_EQ(describe(server.streams[1].maps.at(0)),
            ":method=GET|:scheme=http|:path=/|x=a b|cookie=a=1; b=2|:authority=h.test|");
  server.input(headers(3, with(get(), "host", "other.test")));
  EXPECT_EQ(describe(server.streams[3].maps.at(0)),
            ":method=GET|:scheme=http|:authority=weir.test|:path=/|");
}

TEST(Http2Messages, NoPreface) {
  Http2Endpoint server(Role::server);
  EXPECT_FALSE(server.input("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
  EXPECT_TRUE(server.session.failed());
  EXPECT_THAT(std::string(server.session.error_text()), testing::HasSubstr("HTTP/1.1"));
  EXPECT_EQ(server.output(), "");  // it would not understand a GOAWAY
  EXPECT_TRUE(server.session.finished());
  Http2Endpoint client(Role::client);
  client.output();
  client.input("HTTP/1.1 400 Bad Request\r\n\r\n");
  client.output();
  EXPECT_TRUE(client.session.failed());
  EXPECT_TRUE(client.session.finished());
}

}  // namespace
}  // namespace weir::http
