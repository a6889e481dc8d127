// SPDX-License-Identifier: Apache-2.0
// What the HTTP/2 codec costs by itself: a client and a server session back to back in memory.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <malloc.h>

#include "proxy/http/http2_session.hpp"

namespace {

using namespace weir::http;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBuffer = 65536;
constexpr std::string_view kBody =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
    "456"
    "789";

/// The message of one stream: what a proxy keeps for it.
struct Message {
  explicit Message(ArenaPool& pool) : arena(pool) {}
  Arena arena;
  std::optional<HeaderMap> received;
  std::optional<HeaderMap> sent;
};

/// Owns the streams of one side; both sides differ in what they answer.
class Side : public Http2Events {
 public:
  Side(Http2Session::Role role, Http2Memory& memory, ArenaPool& pool)
      : pool_(pool), session(role, {}, {}, memory, *this) {}
  virtual ~Side() = default;

  HeaderMap* on_begin_headers(std::int32_t stream, HeadersKind kind) override {
    if (kind == HeadersKind::request) session.set_user_data(stream, new Message(pool_));
    auto* const message = static_cast<Message*>(session.user_data(stream));
    return &message->received.emplace(message->arena);
  }
  void on_data(std::int32_t stream, std::span<const std::byte> data) override {
    session.consume(stream, data.size());
  }
  void on_reset(std::int32_t, const Http2Reset&) override { std::abort(); }
  void on_stream_writable(std::int32_t) override {}
  void on_goaway(std::int32_t, Http2Error) override {}
  void on_ping_ack(std::uint64_t) override {}
  void on_stream_closed(std::int32_t, void* owner) override {
    ++done;
    delete static_cast<Message*>(owner);
  }

 protected:
  ArenaPool& pool_;

 public:
  Http2Session session;
  std::size_t done = 0;
};

class Server final : public Side {
 public:
  using Side::Side;
  void on_headers(std::int32_t stream, HeadersKind, bool end) override {
    if (end) answer(stream);
  }
  void on_end_of_stream(std::int32_t stream) override { answer(stream); }

 private:
  void answer(std::int32_t stream) {
    auto* const message = static_cast<Message*>(session.user_data(stream));
    HeaderMap& map = message->sent.emplace(message->arena);
    map.add_static(HeaderId::status, "200");
    map.add_static(HeaderId::content_type, "text/plain");
    map.add_static(HeaderId::content_length, "100");
    map.add_static(HeaderId::date, "Sat, 28 Nov 2026 16:00:00 GMT");
    map.add_static(HeaderId::server, "envoy");
    map.add_static(HeaderId::x_envoy_upstream_service_time, "1");
    session.submit_headers(stream, map, false);
    session.submit_data(stream, std::as_bytes(std::span(kBody.data(), kBody.size())), true);
  }
};

class Client final : public Side {
 public:
  using Side::Side;
  void on_headers(std::int32_t, HeadersKind, bool) override {}
  void on_end_of_stream(std::int32_t) override {}

  void request(std::uint64_t number) {
    auto* const message = new Message(pool_);
    HeaderMap& map = message->sent.emplace(message->arena);
    std::array<char, 40> id;
    const int size = std::snprintf(id.data(), id.size(), "6f9619ff-8b86-d011-b42d-%012llx",
                                   static_cast<unsigned long long>(number));
    map.add_static(HeaderId::method, "POST");
    map.add_static(HeaderId::scheme, "http");
    map.add_static(HeaderId::authority, "service.weir.test:8080");
    map.add_static(HeaderId::path, "/api/v1/things?limit=100");
    map.add_static(HeaderId::user_agent, "h2load nghttp2/1.52.0");
    map.add_static(HeaderId::accept, "*/*");
    map.add_static(HeaderId::content_length, "100");
    map.add_static(HeaderId::x_forwarded_proto, "http");
    map.add("x-custom-header", "some value of some length");
    map.add(HeaderId::x_request_id, {id.data(), static_cast<std::size_t>(size)});
    session.submit_request(map, false, message);
    const auto stream = last_ += 2;
    session.submit_data(stream, std::as_bytes(std::span(kBody.data(), kBody.size())), true);
  }

 private:
  std::int32_t last_ = -1;
};

bool pass(Http2Session& from, Http2Session& to, std::span<std::byte> buffer,
          Clock::time_point now) {
  bool any = false;
  while (const std::size_t size = from.produce(buffer, now)) {
    any = true;
    if (!to.receive(buffer.first(size), now)) {
      std::fprintf(stderr, "http2_codec: %s\n", to.error_text().c_str());
      std::exit(1);
    }
  }
  return any;
}

struct Pair {
  Pair(Http2Memory& memory, ArenaPool& pool)
      : client(Http2Session::Role::client, memory, pool),
        server(Http2Session::Role::server, memory, pool) {}
  Client client;
  Server server;
};

void exchange(Pair& pair, std::span<std::byte> buffer) {
  const auto now = Clock::now();
  for (bool any = true; any;) {
    any = pass(pair.client.session, pair.server.session, buffer, now);
    any = pass(pair.server.session, pair.client.session, buffer, now) || any;
  }
}

double run(std::size_t requests, std::size_t batch, std::span<std::byte> buffer) {
  Http2Memory memory;
  ArenaPool pool;
  Pair pair(memory, pool);
  exchange(pair, buffer);
  const auto begin = Clock::now();
  for (std::size_t sent = 0; sent < requests;) {
    for (std::size_t i = 0; i < batch && sent < requests; ++i) pair.client.request(sent++);
    exchange(pair, buffer);
  }
  const auto end = Clock::now();
  if (pair.client.done != requests || pair.server.done != requests) std::abort();
  return std::chrono::duration<double, std::nano>(end - begin).count() /
         static_cast<double>(requests);
}

std::size_t heap_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Bytes of heap per session of a pair, after `requests` each.
void idle_memory(std::size_t requests, std::span<std::byte> buffer) {
  constexpr std::size_t kPairs = 1000;
  Http2Memory memory;
  ArenaPool pool;
  Pair warm(memory, pool);
  for (std::size_t i = 0; i < 100; ++i) warm.client.request(i);
  exchange(warm, buffer);
  std::vector<std::unique_ptr<Pair>> pairs;
  pairs.reserve(kPairs);
  const std::size_t before = heap_in_use();
  for (std::size_t i = 0; i < kPairs; ++i) {
    pairs.push_back(std::make_unique<Pair>(memory, pool));
    exchange(*pairs.back(), buffer);
    for (std::size_t n = 0; n < requests; ++n) pairs.back()->client.request(n);
    exchange(*pairs.back(), buffer);
  }
  std::printf("idle connection after %zu requests: %zu bytes (client and server: the mean)\n",
              requests, (heap_in_use() - before) / kPairs / 2);
}

}  // namespace

/// http2_codec [REQUESTS [BATCH]]: nanoseconds per request, both ends together.
int main(int count, char** words) {
  const std::size_t requests = count > 1 ? std::strtoull(words[1], nullptr, 10) : 1'000'000;
  std::vector<std::byte> buffer(kBuffer);
  if (count > 2) {
    const std::size_t batch = std::strtoull(words[2], nullptr, 10);
    std::printf("%zu at once: %.0f ns per request\n", batch, run(requests, batch, buffer));
    return 0;
  }
  for (const std::size_t batch : {1, 32, 100})
    std::printf("%zu at once: %.0f ns per request\n", batch, run(requests, batch, buffer));
  idle_memory(0, buffer);
  idle_memory(1, buffer);
  idle_memory(100, buffer);
}
