// SPDX-License-Identifier: Apache-2.0
// What is written can be read again, within the room that head_size() says.
#include "proxy/http/http1/head_writer.hpp"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/http/http1/chunk_decoder.hpp"
#include "tests/unit/http/http1_heads.hpp"

namespace weir::http {
namespace {

using Case = Http1Options::HeaderCase;

class Head {
 public:
  Head(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    for (const auto& [name, value] : fields) map.add(name, value);
  }
  /// Written into exactly as much memory as head_size() asks for: a checker sees what is beyond.
  [[nodiscard]] std::string request(Case casing = Case::lower, bool full_url = false,
                                    std::string_view extra = {}) const {
    std::vector<char> room(head_size(map) + extra.size());
    return done(room, write_request_head(room.data(), map, casing, full_url, extra));
  }
  [[nodiscard]] std::string response(std::uint16_t status, Case casing = Case::lower,
                                     std::uint8_t minor = 1, std::string_view extra = {}) const {
    std::vector<char> room(head_size(map) + extra.size());
    return done(room, write_response_head(room.data(), map, status, casing, minor, extra));
  }

  ArenaPool pool;
  Arena arena{pool};
  HeaderMap map{arena};

 private:
  static std::string done(const std::vector<char>& room, const char* end) {
    const auto size = static_cast<std::size_t>(end - room.data());
    EXPECT_LE(size, room.size());
    return {room.data(), std::min(size, room.size())};
  }
};

TEST(HeadWriter, Requests) {
  const Head head({{":authority", "weir.test"},
                   {":path", "/a?b"},
                   {":method", "PUT"},
                   {":scheme", "http"},
                   {"x-a", ""},
                   {"accept", "*/*"}});
  EXPECT_EQ(head.request(), "PUT /a?b HTTP/1.1\r\nhost: weir.test\r\nx-a: \r\naccept: */*\r\n\r\n");
  EXPECT_EQ(head.request(Case::proper, true, "connection: close\r\n"),
            "PUT http://weir.test/a?b HTTP/1.1\r\nHost: weir.test\r\nX-A: \r\nAccept: "
            "*/*\r\nConnection: close\r\n\r\n");
  const Head connect({{":method", "CONNECT"}, {":authority", "a.test:443"}});
  EXPECT_EQ(connect.request(), "CONNECT a.test:443 HTTP/1.1\r\nhost: a.test:443\r\n\r\n");
}

TEST(HeadWriter, ThereIsOneHost) {
  Head head({{":authority", "a.test"},
             {":path", "/"},
             {":method", "GET"},
             {"host", "b.test"},
             {"x", "y"}});
  EXPECT_EQ(head.request(), "GET / HTTP/1.1\r\nhost: a.test\r\nx: y\r\n\r\n");
}

TEST(HeadWriter, Responses) {
  const Head head({{":status", "200"}, {"content-type", "text/plain"}, {"etag", "\"1\""}});
  EXPECT_EQ(head.response(200),
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\netag: \"1\"\r\n\r\n");
  EXPECT_EQ(head.response(599, Case::proper, 0, "x-a: b-c\r\nkeep-alive: d\r\n"),
            "HTTP/1.0 599 Last Unassigned Server Error Code\r\nContent-Type: text/plain\r\nEtag: "
            "\"1\"\r\nX-A: b-c\r\nKeep-Alive: d\r\n\r\n");
}

TEST(HeadWriter, ProperCase) {
  for (const auto& [name, proper] : {std::pair{"a", "A"},
                                     {"x-request-id", "X-Request-Id"},
                                     {"content-md5", "Content-Md5"},
                                     {"x--y", "X--Y"},
                                     {"-a", "-A"},
                                     {"a_b.c", "A_B.C"},
                                     {"1a", "1a"},
                                     {"x-2a", "X-2a"},
                                     {"te", "Te"}}) {
    const Head head({{name, "v"}});
    EXPECT_EQ(head.response(204, Case::proper),
              std::string("HTTP/1.1 204 No Content\r\n") + proper + ": v\r\n\r\n");
  }
}

TEST(HeadWriter, RemovedFieldsAreNotWritten) {
  Head head({{"a", "1"}, {"server", "x"}, {"b", "2"}});
  head.map.remove(HeaderId::server);
  head.map.remove("b");
  EXPECT_EQ(head.response(200), "HTTP/1.1 200 OK\r\na: 1\r\n\r\n");
}

TEST(HeadWriter, ThereIsRoomForTheLongestTexts) {
  const std::string name(5000, 'h');
  for (const bool full : {false, true}) {
    const Head head(
        {{":authority", name}, {":path", "/"}, {":method", "GET"}, {":scheme", "https"}});
    EXPECT_EQ(head.request(Case::lower, full).size(), full ? 10034u : 5026u);
    const Head connect({{":authority", name}, {":method", "CONNECT"}});
    EXPECT_EQ(connect.request(Case::lower, full), connect.request());
    EXPECT_EQ(connect.request().size(), 10029u);
  }
  const Head bare({});
  for (unsigned status = 100; status < 1000; ++status) {
    const std::string text = bare.response(static_cast<std::uint16_t>(status));
    EXPECT_EQ(response(text), ":status=" + std::to_string(status) + ";") << text;
  }
}

/// parse(write(parse(x))) == parse(x), for lengths around those of the copying.
TEST(HeadWriter, WhatIsWrittenIsReadAgain) {
  std::mt19937 random(5);
  const auto text = [&](std::size_t most, std::string_view letters) {
    std::string out(random() % (most + 1), '\0');
    for (char& c : out) c = letters[random() % letters.size()];
    return out;
  };
  for (int round = 0; round < 2000; ++round) {
    std::string head =
        "GET /" + text(40, "abc/%?=&") + " HTTP/1.1\r\nHost: " + text(100, "abc.:") + "\r\n";
    const std::size_t count = random() % 30;
    for (std::size_t i = 0; i < count; ++i)
      head += "n" + text(40, "ABCabc-_09") + ": v" + text(70, "abc \t;=\"\xc3") + "v\r\n";
    head += "\r\n";
    ArenaPool pool;
    Arena arena(pool);
    HeaderMap map(arena);
    RequestLine line;
    ASSERT_EQ(parse_request_head(head, {}, map, line).status, HeadStatus::complete) << head;
    for (const Case casing : {Case::lower, Case::proper}) {
      std::vector<char> room(head_size(map));
      const char* const end = write_request_head(room.data(), map, casing, false, {});
      const std::string written(room.data(), static_cast<std::size_t>(end - room.data()));
      ASSERT_LE(written.size(), room.size());
      ASSERT_EQ(request(written), fields_text(map));
    }
  }
}

TEST(HeadWriter, ChunkSizesAndLastChunkAreReadAgain) {
  for (const std::uint64_t size : {1ull, 9ull, 10ull, 15ull, 16ull, 255ull, 256ull, 65535ull,
                                   0xffffffffull, 0xffffffffffffffffull}) {
    char room[20];
    const char* const end = write_chunk_size(room, size);
    ASSERT_LE(end, room + sizeof room);
    std::string text(room, static_cast<std::size_t>(end - room));
    EXPECT_EQ(std::stoull(text, nullptr, 16), size);
    EXPECT_TRUE(text.ends_with("\r\n"));
    EXPECT_NE(text.front(), '0');
  }
  std::string out;
  append_last_chunk(out, nullptr);
  EXPECT_EQ(out, "0\r\n\r\n");
  Head trailers({{"grpc-status", "0"}, {"gone", "1"}, {"x", "y"}});
  trailers.map.remove("gone");
  out.clear();
  append_last_chunk(out, &trailers.map);
  EXPECT_EQ(out, "0\r\ngrpc-status: 0\r\nx: y\r\n\r\n");
  ChunkDecoder decoder;
  const auto result = decoder.decode(out);
  EXPECT_EQ(result.step, ChunkDecoder::Step::trailers);
  EXPECT_EQ(weir::http::trailers(decoder.trailers()), "grpc-status=0;x=y;");
}

}  // namespace
}  // namespace weir::http
