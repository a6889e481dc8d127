// SPDX-License-Identifier: Apache-2.0
// Chunked bodies in pieces of any size (RFC 9112 §7.1).
#include "proxy/http/http1/chunk_decoder.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace weir::http {
namespace {

using namespace std::string_literals;
using Step = ChunkDecoder::Step;

/// "body|trailers +N" when N bytes follow; "body..." when it goes on; or what is wrong.
std::string decode(const std::vector<std::string>& pieces) {
  ChunkDecoder decoder;
  std::string body;
  std::string rest;
  bool ended = false;
  for (std::string_view bytes : pieces) {
    while (!bytes.empty()) {
      if (ended) {
        rest += bytes;
        break;
      }
      const auto result = decoder.decode(bytes);
      if (result.step == Step::failed) return std::string(describe(result.error));
      EXPECT_LE(result.consumed, bytes.size());
      EXPECT_TRUE(result.consumed > 0);
      if (result.step == Step::need_more) {
        EXPECT_EQ(result.consumed, bytes.size());
      }
      body += result.piece;
      ended = result.step == Step::trailers;
      bytes.remove_prefix(result.consumed);
    }
  }
  if (!ended) return body + "...";
  body += "|" + std::string(decoder.trailers());
  return rest.empty() ? body : body + " +" + std::to_string(rest.size());
}

/// The result of `text` in one piece; and the same for every way of cutting it into two or three,
/// and byte by byte.
std::string decode(const std::string& text) {
  const std::string whole = decode(std::vector{text});
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(decode(bytes), whole) << text;
  if (text.size() > 200) return whole;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    EXPECT_EQ(decode({text.substr(0, i), text.substr(i)}), whole) << text << i;
    for (std::size_t j = i; j <= text.size(); j += 3)
      EXPECT_EQ(decode({text.substr(0, i), text.substr(i, j - i), text.substr(j)}), whole) << text;
  }
  return whole;
}

TEST(ChunkDecoder, JoinsChunks) {
  EXPECT_EQ(decode("0\r\n\r\n"s), "|\r\n");
  EXPECT_EQ(decode("5\r\nhello\r\n0\r\n\r\n"s), "hello|\r\n");
  EXPECT_EQ(decode("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\nGET /"s), "hello world|\r\n +5");
  EXPECT_EQ(decode("a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n"s),
            "01234567890123456789|\r\n");
  EXPECT_EQ(decode("2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n"s), "\r\n0\r|\r\n");
  EXPECT_EQ(decode("1F\r\n"s + std::string(31, 'x') + "\r\n00\r\n\r\n"),
            std::string(31, 'x') + "|\r\n");
}

TEST(ChunkDecoder, Trailers) {
  EXPECT_EQ(decode("0\r\nA: b\r\n\r\n"s), "|A: b\r\n\r\n");
  EXPECT_EQ(decode("1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\nmore"s), "x|A: b\r\nC: d\r\n\r\n +4");
  const std::string bad(describe(Http1Error::bad_chunk));
  EXPECT_EQ(decode("0\r\nA: b\n\n\r\n\r\n"s), bad);
  EXPECT_EQ(decode("0\r\n\n"s), bad);
}

TEST(ChunkDecoder, ExtensionsArePassedOver) {
  EXPECT_EQ(decode("3;a\r\nxyz\r\n0;b=\"c\";d\t e\r\n\r\n"s), "xyz|\r\n");
  EXPECT_EQ(decode("3 \t;a\r\nxyz\r\n0\t;\r\n\r\n"s), "xyz|\r\n");
  EXPECT_EQ(decode("3;\r\nxyz\r\n0;\r\n\r\n"s), "xyz|\r\n");
  EXPECT_EQ(decode("3;\xc3\xa4\r\nxyz\r\n0\r\n\r\n"s), "xyz|\r\n");
}

TEST(ChunkDecoder, RefusesWhatIsNotWellFormed) {
  const std::string bad(describe(Http1Error::bad_chunk));
  for (const std::string& text : {"\r\n"s,
                                  ""s + ";a\r\n",
                                  "g\r\n"s,
                                  "-1\r\n"s,
                                  "+1\r\n"s,
                                  " 1\r\nx\r\n"s,
                                  "1 \r\nx\r\n"s,
                                  "1\t\r\n"s,
                                  "0x1\r\nx\r\n"s,
                                  "1\nx\r\n"s,
                                  "1\r\rx"s,
                                  "1\rx"s,
                                  "1\r\nxx"s,
                                  "1\r\nx\n"s,
                                  "1\r\nx\rx"s,
                                  "1;a\nx"s,
                                  "1;\0\r\n"s,
                                  "1;a\rb"s,
                                  "1;\x7f\r\n"s,
                                  "1\r\nx\r\n\r\n"s,
                                  "12345678901234567\r\n"s,
                                  "00000000000000000\r\n"s,
                                  "1_0\r\n"s,
                                  "1.\r\n"s,
                                  "0\n"s})
    EXPECT_EQ(decode(text), bad) << text;
}

TEST(ChunkDecoder, SizesUpToSixteenDigits) {
  EXPECT_EQ(decode("0000000000000002\r\nab\r\n0000000000000000\r\n\r\n"s), "ab|\r\n");
  EXPECT_EQ(decode("ffffffffffffffff\r\nabc"s), "abc...");
  EXPECT_EQ(decode("FFFFFFFFFFFFFFFF\r\n"s), "...");
}

TEST(ChunkDecoder, TheLimitOfExtensionsIsForAllOfThem) {
  const std::string one = "1;" + std::string(4096, 'e') + "\r\nx\r\n";
  EXPECT_EQ(decode(one + "0\r\n\r\n"), "x|\r\n");
  EXPECT_EQ(decode(one + "1;e\r\n"), std::string(describe(Http1Error::bad_chunk)));
  std::string many;
  for (int i = 0; i < 4096; ++i) many += "1;e\r\nx\r\n";
  EXPECT_EQ(decode({many + "0\r\n\r\n"}), std::string(4096, 'x') + "|\r\n");
  EXPECT_EQ(decode({many + "0;e\r\n\r\n"}), describe(Http1Error::bad_chunk));
}

TEST(ChunkDecoder, TheLimitOfTrailersIsExact) {
  const std::string line = "T: " + std::string(16 * 1024 - 7, 't') + "\r\n\r\n";
  ASSERT_EQ(line.size(), 16u * 1024);
  EXPECT_EQ(decode("0\r\n" + line + "Y"), "|" + line + " +1");
  EXPECT_EQ(decode("0\r\nx" + line), describe(Http1Error::trailers_too_large));
  EXPECT_EQ(decode("0\r\n" + std::string(16 * 1024, 'x')), "...");
  EXPECT_EQ(decode("0\r\n" + std::string(16 * 1024 + 1, 'x')),
            describe(Http1Error::trailers_too_large));
}

TEST(ChunkDecoder, NothingFollowsTheEnd) {
  ChunkDecoder decoder;
  EXPECT_EQ(decoder.decode("0\r\n\r\n").step, Step::trailers);
  EXPECT_EQ(decoder.decode("0\r\n\r\n").step, Step::failed);
}

}  // namespace
}  // namespace weir::http
