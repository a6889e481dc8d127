// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/first_bytes.hpp"

#include <string>

#include <gtest/gtest.h>

namespace weir::http {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

FirstBytes of(std::string_view bytes) { return classify_first_bytes(bytes); }

// What Envoy 1.40 found in the same bytes.
TEST(FirstBytes, Http11) {
  for (const std::string_view line :
       {"GET / HTTP/1.1\r\n", "GET / HTTP/1.1\n", "get / HTTP/1.1\r\n", "FOO / HTTP/1.1\r\n",
        "PROPFIND / HTTP/1.1\r\n", "M-SEARCH / HTTP/1.1\r\n", "GET  / HTTP/1.1\r\n",
        "GET /  HTTP/1.1\r\n", "GET / HTTP/1.1 \r\n", "GET * HTTP/1.1\r\n",
        "CONNECT a:1 HTTP/1.1\r\n", "PRI * HTTP/1.1\r\n", "GET\t/\tHTTP/1.1\r\n",
        "GET http://a/b?c HTTP/1.1\r\nhost: a\r\n\r\n"})
    EXPECT_EQ(of(line), FirstBytes::http11) << line;
}

TEST(FirstBytes, OtherVersionsAreHttp10) {
  for (const std::string_view line :
       {"GET / HTTP/1.0\r\n", "GET / HTTP/1.2\r\n", "GET / HTTP/0.9\r\n", "GET / HTTP/2.0\r\n",
        "GET / HTTP/3.7\r\n", "GET /\r\n"})
    EXPECT_EQ(of(line), FirstBytes::http10) << line;
}

TEST(FirstBytes, NotHttp) {
  for (const std::string_view line :
       {" GET / HTTP/1.1\r\n", "\r\nGET / HTTP/1.1\r\n", "GET / http/1.1\r\n",
        "GET a b HTTP/1.1\r\n", "GET /\xc3\xa9 HTTP/1.1\r\n", "SSH-2.0-x\r\n", "EHLO x\r\n",
        "*1\r\n", "\x16\x03\x01", "HTTP/1.1 200 OK\r\n", "GET / HTTP/1.11\r\n", "GET / HTTP/1\r\n",
        "GET / FOO/1.1\r\n", "GET\r\n", "\n", "GET / HTTP/x.1\r\n"})
    EXPECT_EQ(of(line), FirstBytes::not_http) << line;
  EXPECT_EQ(of(std::string_view("\0", 1)), FirstBytes::not_http);
}

TEST(FirstBytes, NotHttpIsSeenBeforeTheLineEnds) {
  EXPECT_EQ(of("\x16"), FirstBytes::not_http);
  EXPECT_EQ(of("GET\x01"), FirstBytes::not_http);
  EXPECT_EQ(of("GET /\xff"), FirstBytes::not_http);
}

TEST(FirstBytes, EveryBeginningOfARequestLineWaits) {
  constexpr std::string_view line = "GET /a HTTP/1.1\r\n";
  for (std::size_t i = 0; i < line.size(); ++i)
    EXPECT_EQ(of(line.substr(0, i)), FirstBytes::need_more) << i;
  EXPECT_EQ(of("SSH"), FirstBytes::need_more);
}

TEST(FirstBytes, ThePrefaceOfHttp2) {
  for (std::size_t i = 0; i < kPreface.size(); ++i)
    EXPECT_EQ(of(kPreface.substr(0, i)), FirstBytes::need_more) << i;
  EXPECT_EQ(of(kPreface), FirstBytes::http2);
  EXPECT_EQ(of(std::string(kPreface) + "\x01"), FirstBytes::http2);
  EXPECT_EQ(of("PRI * HTTP/2.0\r\n\r\nXX"), FirstBytes::http10);
}

TEST(FirstBytes, ALineWithoutEndIsTooLong) {
  const std::string begin = "GET /" + std::string(kMaxFirstBytes, 'a');
  EXPECT_EQ(of(begin.substr(0, kMaxFirstBytes - 1)), FirstBytes::need_more);
  EXPECT_EQ(of(begin.substr(0, kMaxFirstBytes)), FirstBytes::too_long);
  EXPECT_EQ(of(begin + "\n"), FirstBytes::too_long);
  EXPECT_EQ(of("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n"), FirstBytes::http11);
}

}  // namespace
}  // namespace weir::http
