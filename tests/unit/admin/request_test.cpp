// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "proxy/admin/host_guard.hpp"
#include "proxy/admin/http_message.hpp"
#include "proxy/admin/query.hpp"
#include "proxy/admin/request_parser.hpp"

namespace weir::admin {
namespace {

using Step = RequestParser::Step;

/// Feeds the bytes in pieces of `piece` until something is decided.
Step feed_in_pieces(RequestParser& parser, std::string_view bytes, std::size_t piece) {
  while (!bytes.empty()) {
    const auto fed = parser.feed(bytes.substr(0, piece));
    bytes.remove_prefix(fed.consumed);
    if (fed.step != Step::need_more) return fed.step;
  }
  return Step::need_more;
}

Step parse(std::string_view bytes) {
  RequestParser parser;
  return feed_in_pieces(parser, bytes, bytes.size());
}

TEST(RequestParser, AnyFragmentation) {
  const std::string_view bytes =
      "POST /logging?level=debug HTTP/1.1\r\nHOST: localhost:15000\r\nOrigin: http://x\r\n"
      "Content-Length: 3\r\n\r\nabc";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    RequestParser parser;
    ASSERT_EQ(feed_in_pieces(parser, bytes, piece), Step::complete) << piece;
    EXPECT_EQ(parser.request().method, "POST");
    EXPECT_EQ(parser.request().target, "/logging?level=debug");
    EXPECT_EQ(parser.request().host, "localhost:15000");
    EXPECT_EQ(parser.request().origin, "http://x");
    EXPECT_TRUE(parser.request().keep_alive);
    EXPECT_FALSE(parser.in_request());
  }
}

TEST(RequestParser, PipelinedRequestsComeOneByOne) {
  std::string_view bytes =
      "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: y\r\nConnection: close\r\n\r\n";
  RequestParser parser;
  auto fed = parser.feed(bytes);
  ASSERT_EQ(fed.step, Step::complete);
  EXPECT_EQ(parser.request().target, "/a");
  fed = parser.feed(bytes.substr(fed.consumed));
  ASSERT_EQ(fed.step, Step::complete);
  EXPECT_EQ(parser.request().target, "/b");
  EXPECT_EQ(parser.request().host, "y");
  EXPECT_FALSE(parser.request().keep_alive);
}

TEST(RequestParser, HeadsAreBounded) {
  std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
  const std::string end = "\r\n\r\n";
  head.append(RequestParser::kMaxHeadBytes - head.size() - end.size(), 'a');
  EXPECT_EQ(parse(head + end), Step::complete);
  EXPECT_EQ(parse(head + "a" + end), Step::head_too_large);
  RequestParser parser;
  EXPECT_EQ(feed_in_pieces(parser, head + "a" + end, 1000), Step::head_too_large);
  EXPECT_EQ(parse("GET /" + std::string(1 << 20, 'a')), Step::head_too_large);
}

TEST(RequestParser, BodiesAreBounded) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\n";
  const std::string body(RequestParser::kMaxBodyBytes, 'a');
  const auto with_length = [&](const std::string& text) {
    return head + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
  };
  EXPECT_EQ(parse(with_length(body)), Step::complete);
  EXPECT_EQ(parse(with_length(body + "a")), Step::body_too_large);
  EXPECT_EQ(parse(head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
            Step::complete);
}

TEST(RequestParser, RefusesWhatIsNotHttp) {
  const char* cases[] = {
      "\x16\x03\x01\x02",
      "GET / HTTP/9.9\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
  };
  for (const char* text : cases) EXPECT_EQ(parse(text), Step::malformed) << text;
}

TEST(RequestParser, Http10NeedsNoHost) {
  RequestParser parser;
  ASSERT_EQ(parser.feed("GET /ready HTTP/1.0\r\n\r\n").step, Step::complete);
  EXPECT_FALSE(parser.request().keep_alive);
}

TEST(RenderResponse, OnTheWire) {
  EXPECT_EQ(render_response({404, kPlainText, "no\n"}, false, false),
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain; charset=UTF-8\r\n"
            "content-length: 3\r\ncache-control: no-cache, max-age=0\r\n"
            "x-content-type-options: nosniff\r\nconnection: close\r\n\r\nno\n");
  const std::string head = render_response({200, kJson, "{}"}, true, true);
  EXPECT_NE(head.find("content-length: 2\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_EQ(head.find("connection:"), std::string::npos);
}

TEST(ParseTarget, PathAndParameters) {
  const Target target = parse_target("/a%20b?x=1&flag&y=%5Ea%2b+b%zz&&=z#frag");
  EXPECT_EQ(target.path, "/a b");
  EXPECT_EQ(target.params.find("x"), "1");
  EXPECT_EQ(target.params.find("flag"), "");
  EXPECT_EQ(target.params.find("y"), "^a++b%zz");
  EXPECT_FALSE(target.params.has("z"));
  EXPECT_EQ(target.params.all().size(), 3u);
  EXPECT_EQ(parse_target("/%4").path, "/%4");
  EXPECT_EQ(parse_target("/%41").path, "/A");
}

TEST(HostGuard, LoopbackNamesAndTheOwnAddress) {
  const IpAddress loopback = *IpAddress::parse("127.0.0.1");
  for (const char* host : {"localhost", "LocalHost:15000", "localhost.", "127.0.0.1",
                           "127.0.0.2:80", "[::1]:15000", "[::1]"})
    EXPECT_TRUE(names_this_host(host, loopback)) << host;
  for (const char* host :
       {"", "evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "198.51.100.1", "[::1",
        "[::1]x", "localhost:80:80", "localhost:x", "::1"})
    EXPECT_FALSE(names_this_host(host, loopback)) << host;
  EXPECT_TRUE(names_this_host("[2001:db8::5]:80", *IpAddress::parse("2001:db8::5")));
}

TEST(HostGuard, Origins) {
  EXPECT_FALSE(is_foreign_origin("", "localhost:15000"));
  EXPECT_FALSE(is_foreign_origin("http://LOCALHOST:15000", "localhost:15000"));
  EXPECT_TRUE(is_foreign_origin("http://evil.test", "localhost:15000"));
  EXPECT_TRUE(is_foreign_origin("http://localhost:8080", "localhost:15000"));
  EXPECT_TRUE(is_foreign_origin("null", "localhost:15000"));
}

}  // namespace
}  // namespace weir::admin
