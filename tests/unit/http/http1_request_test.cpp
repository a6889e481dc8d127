// SPDX-License-Identifier: Apache-2.0
// Request heads: the request line, header lines, line ends and limits (RFC 9112).
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/http/http1_heads.hpp"

namespace weir::http {
namespace {

using namespace std::string_literals;
using enum Http1Error;

TEST(RequestHead, BecomesPseudoHeadersAndHeadersInOrder) {
  EXPECT_EQ(request("GET /a?b=c HTTP/1.1\r\nHost: weir.test\r\nX-One: 1\r\nx-two:2\r\n\r\nbody"),
            ":authority=weir.test;:path=/a?b=c;:method=GET;:scheme=http;x-one=1;x-two=2; +4");
}

TEST(RequestHead, TargetsInAllForms) {
  const struct {
    std::string line;
    std::string fields;
  } cases[] = {
      {"GET /", ":authority=h;:path=/;:method=GET;:scheme=http;"},
      {"GET //x", ":authority=h;:path=//x;:method=GET;:scheme=http;"},
      {"GET /?", ":authority=h;:path=/?;:method=GET;:scheme=http;"},
      {"GET http://a.test/x?y", ":authority=a.test;:path=/x?y;:method=GET;:scheme=http;"},
      {"GET HTTP://a.test:81", ":authority=a.test:81;:path=/;:method=GET;:scheme=http;"},
      {"GET hTTps://a.test/", ":authority=a.test;:path=/;:method=GET;:scheme=https;"},
      // What follows the authority, as it stands: as Envoy has it.
      {"GET http://a.test?q=/", ":authority=a.test;:path=?q=/;:method=GET;:scheme=http;"},
      {"GET http://a.test#f/", ":authority=a.test;:path=#f/;:method=GET;:scheme=http;"},
      {"GET http://[2001:db8::1]:8080/",
       ":authority=[2001:db8::1]:8080;:path=/;:method=GET;:scheme=http;"},
      {"GET http://user@a.test/", ":authority=a.test;:path=/;:method=GET;:scheme=http;"},
      {"GET http://user:word@a.test:81/", ":authority=a.test:81;:path=/;:method=GET;:scheme=http;"},
      {"GET http://a.test:65535/", ":authority=a.test:65535;:path=/;:method=GET;:scheme=http;"},
      {"OPTIONS *", ":authority=h;:path=*;:method=OPTIONS;:scheme=http;"},
      {"OPTIONS http://a.test", ":authority=a.test;:path=/;:method=OPTIONS;:scheme=http;"},
      {"CONNECT a.test:443", ":authority=a.test:443;:method=CONNECT;:scheme=http;"},
      {"CONNECT [2001:db8::1]:1", ":authority=[2001:db8::1]:1;:method=CONNECT;:scheme=http;"},
  };
  for (const auto& test : cases) {
    RequestLine line;
    EXPECT_EQ(request(test.line + " HTTP/1.1\r\nHost: h\r\n\r\n", {}, &line), test.fields);
    EXPECT_EQ(line.absolute, test.line.find("://") != std::string::npos) << test.line;
    EXPECT_EQ(line.minor_version, 1);
  }
}

TEST(RequestHead, AbsoluteTargetsSwitchedOffArePaths) {
  HeadLimits limits;
  limits.absolute_targets = false;
  RequestLine line;
  EXPECT_EQ(request("GET http://a.test/b HTTP/1.1\r\nHost: h\r\n\r\n", limits, &line),
            ":authority=h;:path=http://a.test/b;:method=GET;:scheme=http;");
  EXPECT_FALSE(line.absolute);
  EXPECT_EQ(request("GET /b HTTP/1.1\r\nHost: h\r\n\r\n", limits),
            ":authority=h;:path=/b;:method=GET;:scheme=http;");
  EXPECT_EQ(request("CONNECT a.test:443 HTTP/1.1\r\nHost: h\r\n\r\n", limits),
            ":authority=a.test:443;:method=CONNECT;:scheme=http;");
}

TEST(RequestHead, TargetsThatAreNone) {
  const struct {
    std::string line;
    Http1Error error;
  } cases[] = {
      // Neither a path nor a URL.
      {"GET a.test", bad_request_line},
      {"GET a.test:80", bad_request_line},
      {"GET path", bad_request_line},
      {"GET ?q", bad_request_line},
      {"GET #", bad_request_line},
      {"GET http:/a", bad_request_line},
      {"GET ://a/", bad_request_line},
      {"OPTIONS **", bad_request_line},
      {"GET ftp://a.test/", bad_scheme},
      {"GET ws://a.test/", bad_scheme},
      {"GET httpss://a.test/", bad_scheme},
      {"GET a=http://b.test/", bad_scheme},
      {"GET *", bad_target},
      {"GET http://", bad_target},
      {"GET http:///x", bad_target},
      {"GET http://?x", bad_target},
      {"GET http://#x", bad_target},
      {"GET http://user@/", bad_target},
      {"GET http://a.test:/", bad_target},
      {"GET http://a.test:x/", bad_target},
      {"GET http://a.test:65536/", bad_target},
      {"GET http://a.test:000080/", bad_target},
      {"GET http://[2001:db8::1]:/", bad_target},
      {"GET http://a}/", bad_authority},
      {"GET http://a<b/", bad_authority},
      {"GET http://a\\b/", bad_authority},
      {"GET http://a\"/", bad_authority},
      {"CONNECT /", bad_target},
      {"CONNECT *", bad_target},
      {"CONNECT a.test", bad_target},
      {"CONNECT :443", bad_target},
      {"CONNECT a.test:", bad_target},
      {"CONNECT a.test:http", bad_target},
      {"CONNECT a.test:123456", bad_target},
      {"CONNECT u@a.test:1", bad_target},
      {"CONNECT a.test:1/x", bad_target},
      {"CONNECT a.test:1?", bad_target},
      {"CONNECT a.test:1#", bad_target},
      {"CONNECT http://a.test/", bad_target},
      {"CONNECT http://a.test:1?", bad_target},
  };
  for (const auto& test : cases)
    EXPECT_EQ(request(test.line + " HTTP/1.1\r\nHost: h\r\n\r\n"), wrong(test.error)) << test.line;
}

TEST(RequestHead, EveryByteThatATargetMayNotHave) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    for (const std::size_t before : {0u, 5u, 15u, 16u, 40u}) {
      const std::string text =
          "GET /" + std::string(before, 'a') + c + "b HTTP/1.1\r\nHost: h\r\n\r\n";
      const std::string got = request(text);
      if (byte > ' ' && byte < 0x7f) {
        EXPECT_TRUE(got.starts_with(":authority=h;:path=/" + std::string(before, 'a') + c + "b;"));
      } else if (c == '\r') {
        EXPECT_EQ(got, wrong(bad_line_end));
      } else if (c == ' ' || c == '\t' || c == '\n' || byte >= 0x80) {
        EXPECT_EQ(got, wrong(bad_version)) << byte;
      } else {
        EXPECT_EQ(got, wrong(bad_value)) << byte;
      }
    }
  }
}

TEST(RequestHead, EveryByteOfAnAuthority) {
  const std::string_view never = "\"#/<>?\\^`{|}";
  for (int byte = 0x21; byte < 256; ++byte) {
    if (byte == 0x7f) continue;  // a control character: not a value at all
    const char c = static_cast<char>(byte);
    const std::string host = "a"s + c + "b";
    const bool good = byte < 0x80 && never.find(c) == std::string_view::npos;
    const std::string fields = ":authority=" + host + ";";
    EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"),
              good ? fields + ":path=/;:method=GET;:scheme=http;" : wrong(bad_authority))
        << byte;
    if (byte >= 0x80) continue;  // ends the target
    const bool ends = std::string_view("/?@:").find(c) != std::string_view::npos;
    EXPECT_EQ(request("CONNECT " + host + ":1 HTTP/1.1\r\n\r\n"),
              ends   ? wrong(bad_target)
              : good ? ":authority=" + host + ":1;:method=CONNECT;:scheme=http;"
                     : wrong(bad_authority))
        << byte;
  }
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), wrong(bad_authority));
  EXPECT_EQ(request("GET / HTTP/1.1\r\nHost: a\tb\r\n\r\n"), wrong(bad_authority));
  // Host does not count beside the target's.
  EXPECT_EQ(request("GET http://a/ HTTP/1.1\r\nHost: <\r\n\r\n"),
            ":authority=a;:path=/;:method=GET;:scheme=http;");
}

TEST(RequestHead, MethodsAreThoseThatAreKnown) {
  for (const std::string method : {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE",
                                   "MSEARCH", "PROPFIND", "UNSUBSCRIBE", "MKCALENDAR", "QUERY"})
    EXPECT_EQ(request(method + " / HTTP/1.1\r\nHost: h\r\n\r\n"),
              ":authority=h;:path=/;:method=" + method + ";:scheme=http;");
  for (const std::string method :
       {"get", "Get", "GETX", "G", "GE", "FOO", "PRI", "M-SEARCH", "UNSUBSCRIBED"})
    EXPECT_EQ(request(method + " / HTTP/1.1\r\nHost: h\r\n\r\n"), wrong(bad_method)) << method;
  for (const std::string begin :
       {"", " GET", "G@T", "GET:", "GET\t", "\rGET", "\nGET", "GET\r", "GET\r\n", "\x01GET",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
    EXPECT_EQ(request(begin + " / HTTP/1.1\r\nHost: h\r\n\r\n"), wrong(bad_request_line)) << begin;
  EXPECT_EQ(request("GET  / HTTP/1.1\r\n\r\n"), wrong(bad_request_line));
  EXPECT_EQ(request("GET\0 / HTTP/1.1\r\n\r\n"s), wrong(bad_value));
  EXPECT_EQ(request("GET \0/ HTTP/1.1\r\n\r\n"s), wrong(bad_value));
}

TEST(RequestHead, Versions) {
  const std::string fields = ":authority=h;:path=/;:method=GET;:scheme=http;";
  for (const std::string version :
       {"HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/1.9", "HTTP/0.9", "HTTP/2.0", "HTTP/9.9"}) {
    RequestLine line;
    line.minor_version = 7;
    EXPECT_EQ(request("GET / " + version + "\r\nHost: h\r\n\r\n", {}, &line), fields) << version;
    EXPECT_EQ(line.minor_version, version == "HTTP/1.1" ? 1 : 0) << version;
  }
  // Without a version: as HTTP/0.9, but with headers.
  RequestLine line;
  EXPECT_EQ(request("GET /\r\nHost: h\r\n\r\n", {}, &line), fields);
  EXPECT_EQ(line.minor_version, 0);
  EXPECT_EQ(request("GET /\r\n"), "incomplete");
  for (const std::string version :
       {"", "HTTP", "HTTP/", "HTTP/1", "HTTP/1.", "HTTP/11", "HTTP/1.10", "HTTP/1.1 ", " HTTP/1.1",
        "HTTP/1.1\t", "http/1.1", "HTTP/1.:", "HTTP/1./", "HTTP/:.1", "HTTP/1,1", "HTTP/01.1",
        "ICE/1.0", "RTSP/1.0"})
    EXPECT_EQ(request("GET / " + version + "\r\nHost: h\r\n\r\n"), wrong(bad_version)) << version;
  EXPECT_EQ(request("GET /\n"), wrong(bad_version));
  EXPECT_EQ(request("GET /\r\r\n\r\n"), wrong(bad_line_end));
  EXPECT_EQ(request("GET / HTTP/1.1\n\r\n"), wrong(bad_line_end));
  EXPECT_EQ(request("GET / HTTP/1.1\r\r\n\r\n"), wrong(bad_line_end));
  EXPECT_EQ(request("GET / HTTP/1.1\0\r\n\r\n"s), wrong(bad_value));
  EXPECT_EQ(request("GET / HTTP\0\r\n\r\n"s), wrong(bad_value));
}

TEST(RequestHead, HostBecomesTheAuthority) {
  const std::string line = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(request(line + "\r\n"), ":path=/;:method=GET;:scheme=http;");
  EXPECT_EQ(request(line + "Host:\r\n\r\n"), ":authority=;:path=/;:method=GET;:scheme=http;");
  EXPECT_EQ(request(line + "HOST: \t a \t \r\n\r\n"),
            ":authority=a;:path=/;:method=GET;:scheme=http;");
  EXPECT_EQ(request(line + "Host: a\r\nHost: a\r\n\r\n"), wrong(bad_request_line));
  EXPECT_EQ(request(line + "Host: a\r\nX: y\r\nhost: b\r\n\r\n"), wrong(bad_request_line));
  EXPECT_EQ(request("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
            ":authority=a;:path=/;:method=GET;:scheme=http;");
  EXPECT_EQ(request("GET http://a/ HTTP/1.1\r\n\r\n"),
            ":authority=a;:path=/;:method=GET;:scheme=http;");
  EXPECT_EQ(request("GET http://a/ HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n"),
            wrong(bad_request_line));
}

/// The outcome of one header line between others.
std::string header(const std::string& line) {
  const std::string before = ":authority=h;:path=/;:method=GET;:scheme=http;a=1;";
  const std::string got =
      request("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\n" + line + "\r\nZ: 2\r\n\r\n");
  if (!got.starts_with(before)) return got;
  return got.substr(before.size(), got.size() - before.size() - 4);
}

TEST(RequestHead, HeaderLines) {
  EXPECT_EQ(header("Name: value"), "name=value;");
  EXPECT_EQ(header("Name:value"), "name=value;");
  EXPECT_EQ(header("Name: \t value\t\t "), "name=value;");
  EXPECT_EQ(header("Name: in\tthe middle "), "name=in\tthe middle;");
  EXPECT_EQ(header("Name:"), "name=;");
  EXPECT_EQ(header("Name:  \t "), "name=;");
  EXPECT_EQ(header("Name: a:b"), "name=a:b;");
  EXPECT_EQ(header("Name: \xc3\xa4\xff"), "name=\xc3\xa4\xff;");
  EXPECT_EQ(header("!#$%&'*+-.^_`|~09: x"), "!#$%&'*+-.^_`|~09=x;");
  EXPECT_EQ(header("Content-Type: text/plain"), "content-type=text/plain;");
  EXPECT_EQ(header("CONTENT-TYPE:\ttext/plain"), "content-type=text/plain;");

  EXPECT_EQ(header("Name : value"), wrong(bad_name));
  EXPECT_EQ(header("Name\t: value"), wrong(bad_name));
  EXPECT_EQ(header("Content-Length : 5"), wrong(bad_name));
  EXPECT_EQ(header("Transfer-Encoding\x0b: chunked"), wrong(bad_value));
  EXPECT_EQ(header(": value"), wrong(bad_name));
  EXPECT_EQ(header("Name"), wrong(bad_name));
  EXPECT_EQ(header("Na me: value"), wrong(bad_name));
  EXPECT_EQ(header(":path: /x"), wrong(bad_name));
  EXPECT_EQ(header(" folded"), wrong(folded));
  EXPECT_EQ(header("\tfolded: x"), wrong(folded));
  EXPECT_EQ(header("Name: a\nB: c"), wrong(bad_line_end));
  EXPECT_EQ(header("Name: a\rB: c"), wrong(bad_line_end));
  EXPECT_EQ(header("Name: a\r"), wrong(bad_line_end));
  EXPECT_EQ(header("Name: \r"), wrong(bad_line_end));
  EXPECT_EQ(header("\rName: a"), wrong(bad_line_end));
  EXPECT_EQ(header("\nName: a"), wrong(bad_line_end));
  EXPECT_EQ(header("Name: a\0b"s), wrong(bad_value));
}

TEST(RequestHead, EveryByteOfNamesAndValues) {
  const std::string_view others = "!#$%&'*+-.^_`|~";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool token = letter || (byte != 0 && others.find(c) != std::string_view::npos);
    const std::string got = header("x"s + c + "y: v");
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (token) {
      EXPECT_EQ(got, "x"s + lower + "y=v;") << byte;
    } else if (c == ':') {
      EXPECT_EQ(got, "x=y: v;");
    } else if ((byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7f) {
      EXPECT_EQ(got, wrong(bad_value)) << byte;
    } else {
      EXPECT_EQ(got, wrong(bad_name)) << byte;
    }
    for (const std::size_t before : {1u, 14u, 15u, 16u, 17u, 31u, 100u}) {
      const std::string value = std::string(before, 'v') + c + std::string(20, 'w');
      const std::string seen = header("n: " + value);
      if (c == '\r' || c == '\n') {
        EXPECT_EQ(seen, wrong(bad_line_end)) << byte;
      } else if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
        EXPECT_EQ(seen, wrong(bad_value)) << byte;
      } else {
        EXPECT_EQ(seen, "n=" + value + ";") << byte;
      }
    }
  }
}

TEST(RequestHead, NamesOfAnyLength) {
  for (const std::size_t size :
       {1u, 2u, 15u, 16u, 47u, 48u, 49u, 255u, 256u, 257u, 300u, 5000u, 50000u}) {
    const std::string name(size, 'n');
    EXPECT_EQ(header(name + ": v"), name + "=v;") << size;
    EXPECT_EQ(header(name + " : v"), wrong(bad_name)) << size;
    EXPECT_EQ(header(std::string(size, 'N') + ": v"), name + "=v;") << size;
  }
  HeadLimits wide;
  wide.bytes = 300'000;
  const std::string name(200'000, 'x');
  EXPECT_TRUE(request("GET / HTTP/1.1\r\n" + name + ": v\r\n\r\n", wide).ends_with(name + "=v;"));
}

TEST(RequestHead, LongNamesTakeNoMoreMemoryThanTheyHaveBytes) {
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 99; ++i) head += std::string(500, 'n') + ": v\r\n";
  head += "\r\n";
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  RequestLine line;
  ASSERT_EQ(parse_request_head(head, {}, headers, line).status, HeadStatus::complete);
  EXPECT_LT(arena.footprint(), 3 * head.size());
}

TEST(RequestHead, TheLimitOfBytesIsExact) {
  const std::string head = "GET / HTTP/1.1\r\nHost: weir.test\r\nX: y\r\n\r\n";
  HeadLimits limits;
  limits.bytes = head.size();
  EXPECT_TRUE(request(head, limits).ends_with("x=y;"));
  EXPECT_TRUE(request(head + "body that is long", limits).ends_with("x=y; +17"));
  EXPECT_EQ(request(head.substr(0, head.size() - 1), limits), "incomplete");
  limits.bytes = head.size() - 1;
  EXPECT_EQ(request(head, limits), wrong(head_too_large));
  EXPECT_EQ(request(head.substr(0, head.size() - 1), limits), "incomplete");
  // Not complete, and more already: refused at once, wherever it stands.
  limits.bytes = 50;
  for (const std::string begin :
       {"", "GET /", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nX: "}) {
    const std::string more = begin + std::string(60, 'G');
    const std::string got = request(more, limits);
    if (begin.empty()) {
      EXPECT_EQ(got, wrong(bad_request_line));
    } else {
      EXPECT_EQ(got, wrong(head_too_large)) << begin;
    }
    EXPECT_EQ(request((begin + std::string(60, 'G')).substr(0, 20), limits), "incomplete");
  }
}

TEST(RequestHead, TheLimitOfHeadersIsExact) {
  const auto with = [](int count) {
    std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
    for (int i = 1; i < count; ++i) head += "x-" + std::to_string(i) + ": y\r\n";
    return head + "\r\n";
  };
  HeadLimits limits;
  for (const std::uint32_t most : {1u, 2u, 24u, 25u, 100u, 1000u}) {
    limits.headers = most;
    EXPECT_TRUE(request(with(static_cast<int>(most)), limits).starts_with(":authority=h;"));
    EXPECT_EQ(request(with(static_cast<int>(most) + 1), limits), wrong(too_many_headers));
  }
}

TEST(RequestHead, Underscores) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\na_b: 1\r\nc-d: 2\r\n_: 3\r\n" +
                           std::string(300, 'l') + "_: 4\r\n\r\n";
  HeadLimits limits;
  limits.underscores = HttpOptions::Underscores::allow;
  RequestLine line;
  EXPECT_TRUE(
      request(head, limits, &line).ends_with("a_b=1;c-d=2;_=3;" + std::string(300, 'l') + "_=4;"));
  EXPECT_EQ(line.dropped_underscores, 0u);
  limits.underscores = HttpOptions::Underscores::drop;
  EXPECT_TRUE(request(head, limits, &line).ends_with(":scheme=http;c-d=2;"));
  EXPECT_EQ(line.dropped_underscores, 3u);
  // Dropped ones do not count.
  limits.headers = 2;
  EXPECT_TRUE(request(head, limits, &line).ends_with(":scheme=http;c-d=2;"));
  limits.underscores = HttpOptions::Underscores::reject;
  EXPECT_EQ(request(head, limits), wrong(underscore));
  EXPECT_TRUE(
      request("GET /a_b HTTP/1.1\r\nHost: h_h\r\nx: y_z\r\n\r\n", limits).ends_with("x=y_z;"));
}

/// Whatever is cut off a good head leaves an incomplete one; whatever is cut off a bad one leaves
/// an incomplete one or the same refusal.
TEST(RequestHead, EverySplitPointGivesTheSameResult) {
  const std::string long_name(270, 'q');
  const std::vector<std::string> heads = {
      "GET / HTTP/1.1\r\nHost: weir.test\r\nUser-Agent: curl/8\r\nAccept: */*\r\n\r\n",
      "OPTIONS * HTTP/1.0\r\n\r\n",
      "CONNECT a.test:443 HTTP/1.1\r\n\r\n",
      "POST http://a.test?x HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding:\r\n\r\n",
      "GET / HTTP/1.1\r\n" + long_name + ":  \t v  \r\nHost:\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\nx: y\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: \x01h\r\n\r\n",
      "BREW / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/3.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.x\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: <\r\n\r\n",
      "GET ftp://a.test/ HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /\r\n\r\n",
      "GET nothing HTTP/1.1\r\nHost: h\r\n\r\n",
  };
  for (const std::string& head : heads) {
    const std::string whole = request(head);
    std::size_t seen = 0;  // as a session that tries again only when it is worth it
    std::string first;
    for (std::size_t size = 0; size <= head.size(); ++size) {
      const std::string part = request(head.substr(0, size));
      if (size < head.size() && part != "incomplete") {
        EXPECT_EQ(part, whole) << head << size;
      }
      if (!first.empty()) continue;
      if (seen > 0 && !worth_parsing(std::string_view(head).substr(0, size), seen)) {
        seen = size;
        continue;
      }
      seen = size;
      if (part != "incomplete") first = part;
    }
    EXPECT_EQ(first, whole) << head;
    EXPECT_EQ(request(head), whole);
  }
}

TEST(WorthParsing, SeesTheEndOfAHeadInPiecesOfAnySize) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t seen = 0; seen < head.size(); ++seen)
    for (std::size_t now = seen + 1; now <= head.size() + 1; ++now)
      EXPECT_EQ(worth_parsing((head + "X").substr(0, now), seen), now >= head.size())
          << seen << now;
  EXPECT_TRUE(worth_parsing("\r\n", 1));
  EXPECT_TRUE(worth_parsing("\n", 0));
  EXPECT_TRUE(worth_parsing("GET / HTTP/1.1\nHost", 16));
  EXPECT_FALSE(worth_parsing("GET / HTTP/1.1\r\nHost: h\r\nMore", 16));
  EXPECT_FALSE(worth_parsing("", 0));
}

}  // namespace
}  // namespace weir::http
