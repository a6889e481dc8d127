// SPDX-License-Identifier: Apache-2.0
// The memory of HTTP/2 sessions: blocks come back, queues keep their order, the shared frame buffer
// mixes nothing up.
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/http/http2/memory.hpp"
#include "tests/unit/http/http2_endpoint.hpp"

namespace weir::http {
namespace {

TEST(Http2Memory, BlocksOfEverySizeAreWholeAndComeBack) {
  Http2Memory memory;
  std::vector<std::pair<void*, std::size_t>> blocks;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t size = 0; size < 6000; size += 7) {
      void* const block = memory.allocate(size);
      ASSERT_NE(block, nullptr);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 8, 0u);
      std::memset(block, static_cast<int>(size & 0xff), size);
      blocks.emplace_back(block, size);
    }
    for (const auto& [block, size] : blocks) {
      for (std::size_t i = 0; i < size; ++i)
        ASSERT_EQ(static_cast<unsigned char*>(block)[i], size & 0xff);
      memory.release(block);
    }
    blocks.clear();
  }
  void* const first = memory.allocate(100);
  memory.release(first);
  EXPECT_EQ(memory.allocate(97), first);
  memory.release(first);
  memory.release(nullptr);
}

TEST(Http2Memory, GrowingKeepsWhatIsThere) {
  Http2Memory memory;
  void* block = memory.reallocate(nullptr, 10);
  std::memcpy(block, "0123456789", 10);
  for (const std::size_t size : {20u, 40u, 600u, 3000u, 5000u, 50000u, 60u}) {
    block = memory.reallocate(block, size);
    EXPECT_EQ(std::string(static_cast<char*>(block), 10), "0123456789");
  }
  memory.release(block);
}

TEST(Http2Memory, QueuesKeepTheirOrder) {
  Http2Memory memory;
  BodyQueue queue;
  std::string pushed;
  std::string popped;
  for (std::size_t i = 1; i < 400; ++i) {
    const std::string part(i * 37 % 5000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(queue.push(bytes_of(part), memory));
    pushed += part;
    std::string taken(std::min<std::size_t>(queue.size(), i * 53 % 4500), '\0');
    queue.pop(reinterpret_cast<std::byte*>(taken.data()), taken.size(), memory);
    popped += taken;
  }
  std::string rest(queue.size(), '\0');
  queue.pop(reinterpret_cast<std::byte*>(rest.data()), rest.size(), memory);
  EXPECT_EQ(popped + rest, pushed);
  EXPECT_TRUE(queue.empty());
}

/// Owner of sessions that share one worker's memory.
struct Shared final : Http2Events {
  HeaderMap* on_begin_headers(std::int32_t, HeadersKind) override {
    arenas.push_back(std::make_unique<Arena>(pool));
    return &maps.emplace_back(*arenas.back());
  }
  void on_headers(std::int32_t, HeadersKind, bool) override {}
  void on_data(std::int32_t stream, std::span<const std::byte> data) override {
    body.append(reinterpret_cast<const char*>(data.data()), data.size());
    session->consume(stream, data.size());
  }
  void on_end_of_stream(std::int32_t) override { ended = true; }
  void on_reset(std::int32_t, const Http2Reset&) override {}
  void on_stream_writable(std::int32_t) override {}
  void on_goaway(std::int32_t, Http2Error) override {}
  void on_ping_ack(std::uint64_t) override {}
  void on_stream_closed(std::int32_t, void*) override {}
  ArenaPool pool;
  std::vector<std::unique_ptr<Arena>> arenas;
  std::deque<HeaderMap> maps;
  std::string body;
  bool ended = false;
  std::unique_ptr<Http2Session> session;
};

TEST(Http2Memory, SessionsOfOneWorkerShareTheFrameBuffer) {
  Http2Memory memory;
  constexpr int kPairs = 5;
  std::vector<std::unique_ptr<Shared>> clients;
  std::vector<std::unique_ptr<Shared>> servers;
  const auto make = [&](std::vector<std::unique_ptr<Shared>>& to, Http2Session::Role role) {
    auto& one = *to.emplace_back(std::make_unique<Shared>());
    one.session = std::make_unique<Http2Session>(role, Http2Options{}, Http2Limits{}, memory, one);
  };
  for (int i = 0; i < kPairs; ++i) {
    make(clients, Http2Session::Role::client);
    make(servers, Http2Session::Role::server);
  }
  // Headers larger than a frame and than the buffer, so that frames are handed over in pieces while
  // other sessions write theirs.
  for (int i = 0; i < kPairs; ++i) {
    Shared& client = *clients[i];
    HeaderMap& map = *client.on_begin_headers(0, HeadersKind::request);
    for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::string>>{
             {":method", "POST"},
             {":scheme", "http"},
             {":path", "/"},
             {":authority", std::to_string(i)},
             {"x", std::string(25'000, static_cast<char>('\\' + i))},
             {"y", std::string(30'000, static_cast<char>('\\' + i))}})
      map.add(name, value);
    const auto id = client.session->submit_request(map, false, nullptr);
    const std::string body(50'000, static_cast<char>('A' + i));
    client.session->submit_data(id, bytes_of(body), true);
  }
  std::vector<std::byte> buffer(5000);
  for (bool any = true; any;) {
    any = false;
    for (int i = 0; i < kPairs; ++i) {
      const std::size_t there = clients[i]->session->produce(buffer, {});
      ASSERT_TRUE(servers[i]->session->receive(std::span(buffer).first(there), {}));
      const std::size_t back = servers[i]->session->produce(buffer, {});
      ASSERT_TRUE(clients[i]->session->receive(std::span(buffer).first(back), {}));
      any = any || there != 0 || back != 0;
    }
  }
  for (int i = 0; i < kPairs; ++i) {
    Shared& server = *servers[i];
    ASSERT_EQ(server.maps.size(), 1u);
    EXPECT_EQ(server.maps[0].get(HeaderId::authority), std::to_string(i));
    EXPECT_EQ(server.maps[0].get("y"), std::string(30'000, static_cast<char>('\\' + i)));
    EXPECT_EQ(server.body, std::string(50'000, static_cast<char>('A' + i)));
    EXPECT_TRUE(server.ended);
  }
}

}  // namespace
}  // namespace weir::http
