// SPDX-License-Identifier: Apache-2.0
// Http2Endpoint: a session with an owner that writes down what it is told, for tests.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/http2_session.hpp"

namespace weir::http {

using namespace std::chrono_literals;

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// The messages and the end of one stream, as its owner saw them.
struct SeenStream {
  std::vector<std::unique_ptr<Arena>> arenas;
  std::deque<HeaderMap> maps;  // one per header block, in order
  std::vector<HeadersKind> kinds;
  std::string body;
  bool ended = false;
  bool reset = false;
  Http2Reset why{};
  int closed = 0;
  int writable = 0;
};

inline std::string describe(const HeaderMap& map) {
  std::string text;
  for (const HeaderField& field : map.fields())
    if (!field.removed()) text += std::string(field.name) + "=" + std::string(field.value) + "|";
  return text;
}

class Http2Endpoint : public Http2Events {
 public:
  using Role = Http2Session::Role;
  explicit Http2Endpoint(Role role, const Http2Options& options = {},
                         const Http2Limits& limits = {})
      : session(role, options, limits, memory, *this) {}
  virtual ~Http2Endpoint() = default;

  HeaderMap* on_begin_headers(std::int32_t stream, HeadersKind kind) override {
    if (refuse) return nullptr;
    SeenStream& seen = streams[stream];
    begun = kind;
    return &new_map(seen);
  }
  void on_headers(std::int32_t stream, HeadersKind kind, bool end) override {
    SeenStream& seen = streams[stream];
    seen.kinds.push_back(kind);
    seen.ended = seen.ended || end;
  }
  void on_data(std::int32_t stream, std::span<const std::byte> data) override {
    streams[stream].body.append(reinterpret_cast<const char*>(data.data()), data.size());
    if (consume) session.consume(stream, data.size());
  }
  void on_end_of_stream(std::int32_t stream) override { streams[stream].ended = true; }
  void on_reset(std::int32_t stream, const Http2Reset& reset) override {
    streams[stream].reset = true;
    streams[stream].why = reset;
  }
  void on_stream_writable(std::int32_t stream) override { ++streams[stream].writable; }
  void on_goaway(std::int32_t last_stream, Http2Error code) override {
    goaway_last = last_stream;
    goaway_code = code;
  }
  void on_ping_ack(std::uint64_t opaque) override { ping_acks.push_back(opaque); }
  void on_stream_closed(std::int32_t stream, void* owner) override {
    ++streams[stream].closed;
    last_owner = owner;
  }

  HeaderMap& new_map(SeenStream& seen) {
    seen.arenas.push_back(std::make_unique<Arena>(pool));
    return seen.maps.emplace_back(*seen.arenas.back());
  }
  /// A map that lives as long as the endpoint.
  HeaderMap& fields(std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
    HeaderMap& map = new_map(own);
    for (const auto& [name, value] : list) map.add(name, value);
    return map;
  }
  HeaderMap& request(std::string_view path = "/") {
    return fields(
        {{":method", "GET"}, {":scheme", "http"}, {":authority", "weir.test"}, {":path", path}});
  }
  HeaderMap& response(std::string_view status = "200") { return fields({{":status", status}}); }

  /// All that it has to say now.
  std::string output(std::size_t buffer = 65536) {
    std::string all;
    std::vector<std::byte> room(buffer);
    for (;;) {
      const std::size_t size = session.produce(room, now);
      all.append(reinterpret_cast<const char*>(room.data()), size);
      if (size == 0 || !session.wants_write()) return all;
    }
  }
  bool input(std::string_view bytes) { return session.receive(bytes_of(bytes), now); }

  Http2Memory memory;
  ArenaPool pool;
  SeenStream own;
  std::map<std::int32_t, SeenStream> streams;
  std::vector<std::uint64_t> ping_acks;
  std::int32_t goaway_last = -1;
  Http2Error goaway_code{};
  HeadersKind begun{};
  void* last_owner = nullptr;
  bool refuse = false;
  bool consume = true;
  Http2Session::Clock::time_point now{1h};
  Http2Session session;
};

/// Passes bytes to and fro until both are silent.
inline void exchange(Http2Endpoint& client, Http2Endpoint& server) {
  for (int turn = 0; turn < 1000; ++turn) {
    const std::string there = client.output();
    if (!there.empty()) server.input(there);
    const std::string back = server.output();
    if (!back.empty()) client.input(back);
    if (there.empty() && back.empty()) return;
  }
}

}  // namespace weir::http
