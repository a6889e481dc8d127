// SPDX-License-Identifier: Apache-2.0
// Response heads, trailers, and the framing of bodies in both directions (RFC 9112 §6).
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proxy/http/http1/body_framing.hpp"
#include "tests/unit/http/http1_heads.hpp"

namespace weir::http {
namespace {

using enum Http1Error;

TEST(ResponseHead, StatusLines) {
  StatusLine line;
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", {}, &line), ":status=200;server=x;");
  EXPECT_EQ(line.status, 200);
  EXPECT_EQ(line.minor_version, 1);
  EXPECT_EQ(response("HTTP/1.0 404 Not Found\r\n\r\nbody", {}, &line), ":status=404; +4");
  EXPECT_EQ(line.status, 404);
  EXPECT_EQ(line.minor_version, 0);
  // The reason may be anything, or nothing.
  for (const std::string reason : {" ", "", " a\tb", " \xc3\xa4", "  ", " 1"})
    EXPECT_EQ(response("HTTP/1.1 299" + reason + "\r\n\r\n"), ":status=299;") << reason;
  EXPECT_EQ(response("HTTP/1.1 100\r\n\r\n"), ":status=100;");
  EXPECT_EQ(response("HTTP/1.1 999 x\r\n\r\n"), ":status=999;");
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nHost: a\r\nHost: b\r\n\r\n"), ":status=200;host=a,b;");
}

TEST(ResponseHead, StatusLinesThatAreNone) {
  for (const std::string line : {"",
                                 "x",
                                 "HTTP/1.1",
                                 "HTTP/1.1 ",
                                 "HTTP/1.1 20",
                                 "HTTP/1.1  200",
                                 "HTTP/1.1 2000 OK",
                                 "HTTP/1.1 2x0 OK",
                                 "HTTP/1.1 099 OK",
                                 "HTTP/1.1 000 OK",
                                 "HTTP/1.1 -20 OK",
                                 "HTTP/1.1 200OK",
                                 "HTTP/1.1 200\tOK",
                                 "HTTP/1.2 200 OK",
                                 "HTTP/2.0 200 OK",
                                 "http/1.1 200 OK",
                                 "HTTP/1.1\t200 OK",
                                 " HTTP/1.1 200 OK",
                                 "ICY 200 OK",
                                 "HTTP/1.1200 OK"})
    EXPECT_EQ(response(line + "\r\nServer: x\r\n\r\n"), wrong(bad_status_line)) << line;
  // Too short for a status line, yet at an end: more cannot make it right.
  for (const std::string text :
       {"\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.\n", "HTTP/1.1 20\r", "\r\n\r\n"})
    EXPECT_EQ(response(text), wrong(bad_status_line)) << text;
  EXPECT_EQ(response("HTTP/1.1 200 OK\nServer: x\r\n\r\n"), wrong(bad_line_end));
  EXPECT_EQ(response("HTTP/1.1 200 O\rK\r\n\r\n"), wrong(bad_line_end));
  EXPECT_EQ(response(std::string("HTTP/1.1 200 O\0K\r\n\r\n", 20)), wrong(bad_value));
  EXPECT_EQ(response("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"), wrong(bad_name));
}

TEST(ResponseHead, EverySplitPointGivesTheSameResult) {
  for (const std::string head : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n",
                                 "HTTP/1.0 204\r\n\r\n", "HTTP/1.1 200 OK\r\n folded\r\n\r\n",
                                 "HTTP/1.1 20x OK\r\n\r\n", "HTTP/1.1\r\n\r\n", "FTP\r\n\r\n"}) {
    const std::string whole = response(head);
    for (std::size_t size = 0; size < head.size(); ++size) {
      const std::string part = response(head.substr(0, size));
      if (part != "incomplete") {
        EXPECT_EQ(part, whole) << head << size;
      }
    }
    EXPECT_NE(whole, "incomplete");
  }
}

TEST(ResponseHead, LimitsAreExact) {
  const std::string head = "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n";
  HeadLimits limits;
  limits.bytes = head.size();
  limits.headers = 2;
  EXPECT_EQ(response(head, limits), ":status=200;a=1;b=2;");
  limits.headers = 1;
  EXPECT_EQ(response(head, limits), wrong(too_many_headers));
  limits = {};
  limits.bytes = head.size() - 1;
  EXPECT_EQ(response(head, limits), wrong(head_too_large));
  limits.bytes = 20;
  EXPECT_EQ(response("HTTP/1.1 200 " + std::string(20, 'r'), limits), wrong(head_too_large));
}

TEST(Trailers, AreHeaderLinesWithoutThoseOfFraming) {
  EXPECT_EQ(trailers("\r\n"), "");
  EXPECT_EQ(trailers("A: 1\r\nGrpc-Status: 0\r\n\r\n"), "a=1;grpc-status=0;");
  EXPECT_EQ(trailers("Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: x\r\nTrailer: y\r\n"
                     "Connection: close\r\nTE: trailers\r\nKept: 1\r\n\r\n"),
            "kept=1;");
  EXPECT_EQ(trailers(" folded\r\n\r\n"), wrong(folded));
  EXPECT_EQ(trailers(":status: 200\r\n\r\n"), wrong(bad_name));
  EXPECT_EQ(trailers("a: b\n\r\n"), wrong(bad_line_end));
  EXPECT_EQ(trailers("a: b\r\n"), "incomplete");
  HeadLimits limits;
  limits.headers = 1;
  EXPECT_EQ(trailers("a: b\r\nc: d\r\n\r\n", limits), wrong(too_many_headers));
}

// --- Framing.

/// "none", "length N", "chunked", "until_close" or what is wrong.
std::string framing_text(Http1Error error, BodyFraming framing, std::uint64_t length) {
  if (error != none) return wrong(error);
  switch (framing) {
    case BodyFraming::none:
      return "none";
    case BodyFraming::length:
      return "length " + std::to_string(length);
    case BodyFraming::chunked:
      return "chunked";
    case BodyFraming::until_close:
      return "until close";
    case BodyFraming::tunnel:
      return "tunnel";
  }
  return "?";
}

std::string of_request(const std::string& lines, const std::string& version = "1.1") {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  RequestLine line;
  const auto result =
      parse_request_head("POST / HTTP/" + version + "\r\n" + lines + "\r\n", {}, headers, line);
  EXPECT_EQ(result.status, HeadStatus::complete) << lines;
  BodyFraming framing{};
  std::uint64_t length = 77;
  const Http1Error error = request_framing(headers, line, framing, length);
  return framing_text(error, framing, length);
}

TEST(Framing, OfRequests) {
  EXPECT_EQ(of_request(""), "none");
  EXPECT_EQ(of_request("Content-Length: 0\r\n"), "none");
  EXPECT_EQ(of_request("Content-Length: 00\r\n"), "none");
  EXPECT_EQ(of_request("Content-Length: 5\r\n"), "length 5");
  EXPECT_EQ(of_request("Content-Length: 0005\r\n"), "length 5");
  EXPECT_EQ(of_request("content-length:\t5 \r\n", "1.0"), "length 5");
  EXPECT_EQ(of_request("Content-Length: 9999999999999999999\r\n"), "length 9999999999999999999");
  for (const std::string bad : {"", "-1", "+1", "5 5", "5,5", "5, 5", "0x5", "5.0", "five",
                                "99999999999999999999", "18446744073709551616", "1e3", "\xb2"})
    EXPECT_EQ(of_request("Content-Length: " + bad + "\r\n"), wrong(bad_content_length)) << bad;
  EXPECT_EQ(of_request("Content-Length: 5\r\nContent-Length: 5\r\n"), wrong(bad_content_length));
  EXPECT_EQ(of_request("Content-Length: 5\r\nX: y\r\nContent-Length: 6\r\n"),
            wrong(bad_content_length));

  EXPECT_EQ(of_request("Transfer-Encoding: chunked\r\n"), "chunked");
  EXPECT_EQ(of_request("transfer-encoding:CHUNKED\r\n"), "chunked");
  for (const std::string bad :
       {"", "gzip", "gzip, chunked", "chunked, chunked", "chunked, gzip", "chunked,", ",chunked",
        "xchunked", "chunkedx", "identity", "chunked;q=1", "\"chunked\"", "chunked\x80"})
    EXPECT_EQ(of_request("Transfer-Encoding: " + bad + "\r\n"), wrong(bad_transfer_encoding))
        << bad;
  EXPECT_EQ(of_request("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            wrong(bad_transfer_encoding));
  EXPECT_EQ(of_request("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            wrong(bad_transfer_encoding));
  EXPECT_EQ(of_request("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
            wrong(bad_transfer_encoding));
  EXPECT_EQ(of_request("Transfer-Encoding: chunked\r\n", "1.0"), wrong(chunked_in_http_10));

  EXPECT_EQ(of_request("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            wrong(length_and_chunked));
  EXPECT_EQ(of_request("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
            wrong(length_and_chunked));
  EXPECT_EQ(of_request("Transfer-Encoding: x\r\nContent-Length: y\r\n", "1.0"),
            wrong(length_and_chunked));
  EXPECT_EQ(of_request("Content_Length: 5\r\nX-Transfer-Encoding: chunked\r\n"), "none");
}

std::string of_response(const std::string& status, const std::string& lines,
                        std::string_view method = "GET", const std::string& version = "1.1") {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  StatusLine line;
  const auto result = parse_response_head(
      "HTTP/" + version + " " + status + " x\r\n" + lines + "\r\n", {}, headers, line);
  EXPECT_EQ(result.status, HeadStatus::complete) << lines;
  BodyFraming framing{};
  std::uint64_t length = 77;
  const Http1Error error = response_framing(headers, line, method, framing, length);
  return framing_text(error, framing, length);
}

TEST(Framing, OfResponses) {
  EXPECT_EQ(of_response("200", ""), "until close");
  EXPECT_EQ(of_response("200", "", "GET", "1.0"), "until close");
  EXPECT_EQ(of_response("200", "Content-Length: 0\r\n"), "none");
  EXPECT_EQ(of_response("200", "Content-Length: 7\r\n"), "length 7");
  EXPECT_EQ(of_response("205", "Content-Length: 7\r\n"), "length 7");
  EXPECT_EQ(of_response("200", "Transfer-Encoding: chunked\r\n"), "chunked");
  EXPECT_EQ(of_response("200", "Content-Length: 7\r\nContent-Length: 7\r\n"),
            wrong(bad_content_length));
  EXPECT_EQ(of_response("200", "Content-Length: x\r\n"), wrong(bad_content_length));
  EXPECT_EQ(of_response("200", "Transfer-Encoding: gzip\r\n"), wrong(bad_transfer_encoding));
  EXPECT_EQ(of_response("200", "Transfer-Encoding: chunked\r\n", "GET", "1.0"),
            wrong(chunked_in_http_10));
  EXPECT_EQ(of_response("200", "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n"),
            wrong(length_and_chunked));
}

TEST(Framing, OfResponsesWithoutBodies) {
  for (const std::string status : {"304", "200"}) {
    const std::string_view method = status == "200" ? "HEAD" : "GET";
    EXPECT_EQ(of_response(status, "", method), "none");
    EXPECT_EQ(of_response(status, "Content-Length: 7\r\n", method), "none");
    EXPECT_EQ(of_response(status, "Transfer-Encoding: chunked\r\n", method), "none");
    EXPECT_EQ(of_response(status, "Content-Length: x\r\n", method), wrong(bad_content_length));
    EXPECT_EQ(of_response(status, "Content-Length: 7\r\nContent-Length: 8\r\n", method),
              wrong(bad_content_length));
    EXPECT_EQ(of_response(status, "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", method),
              wrong(length_and_chunked));
  }
  for (const std::string status : {"100", "101", "103", "199", "204"})
    for (const std::string_view method : {"GET", "HEAD", "CONNECT"}) {
      EXPECT_EQ(of_response(status, "", method), "none");
      EXPECT_EQ(of_response(status, "Content-Length: 0\r\n", method), "none");
      EXPECT_EQ(of_response(status, "Content-Length: 7\r\n", method), wrong(bad_transfer_encoding));
      EXPECT_EQ(of_response(status, "Content-Length: x\r\n", method), wrong(bad_content_length));
      EXPECT_EQ(of_response(status, "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", method),
                wrong(length_and_chunked));
      EXPECT_EQ(of_response(status, "Transfer-Encoding: chunked\r\n", method),
                wrong(bad_transfer_encoding));
    }
}

TEST(Tokens, AreFoundInListsInAnyCase) {
  for (const std::string_view list :
       {"close", "Close", "a, close", "close,a", "a,\tCLOSE ,b", " close", ",close", "a,,close"})
    EXPECT_TRUE(has_token(list, "close")) << list;
  for (const std::string_view list :
       {"", "closed", "xclose", "clos", "a close", "close;x", "a,b", ",", "cl,ose"})
    EXPECT_FALSE(has_token(list, "close")) << list;
}

}  // namespace
}  // namespace weir::http
