// SPDX-License-Identifier: Apache-2.0
// GrpcCall: one call of a streaming gRPC method, on an HTTP/2 connection of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/arena.hpp"
#include "proxy/http/http2_session.hpp"
#include "proxy/xds/grpc_frames.hpp"

namespace weir::xds {

struct GrpcRequest {
  std::string path;
  std::string authority;
  std::vector<std::pair<std::string, std::string>> metadata;  // lower-case names
  std::size_t most_message = kMostMessage;
};

/// How a call ended. `status`: gRPC's.
struct GrpcEnd {
  int status = 0;
  std::string text;  // for a log: "UNAVAILABLE: no endpoints"
};

/// Sans-I/O: bytes in, messages out; messages in, bytes out. Main thread only.
class GrpcCall final : http::Http2Events {
 public:
  using TimePoint = http::Http2Session::Clock::time_point;
  /// More than that waits to be written: congested().
  static constexpr std::size_t kHighMark = std::size_t{256} * 1024;

  /// Begins: output() is the preface and the request's headers.
  GrpcCall(const GrpcRequest& request, const http::Http2Options& options);

  /// Sends a message behind those that wait. Nothing after the end.
  void send(std::string_view message);
  [[nodiscard]] bool congested() const noexcept { return session_.queued(stream_) >= kHighMark; }

  void receive(std::string_view bytes, TimePoint now);
  /// Whole messages that have arrived, one by one. While some wait the peer is held back.
  std::optional<std::string> next_message();
  /// There will be no more messages but those that wait.
  [[nodiscard]] const std::optional<GrpcEnd>& end() const noexcept { return end_; }
  /// The peer has closed the connection, or it is broken.
  void closed(std::string_view why);

  /// Bytes to write; "" when there are none now.
  std::string output(TimePoint now);
  void ping();
  /// Since the last ping().
  [[nodiscard]] bool ping_answered() const noexcept { return pings_ == acks_; }

 private:
  http::HeaderMap* on_begin_headers(std::int32_t stream, http::HeadersKind kind) override;
  void on_headers(std::int32_t stream, http::HeadersKind kind, bool end_of_stream) override;
  void on_data(std::int32_t stream, std::span<const std::byte> data) override;
  void on_end_of_stream(std::int32_t stream) override;
  void on_reset(std::int32_t stream, const http::Http2Reset& reset) override;
  void on_stream_writable(std::int32_t) override {}
  void on_goaway(std::int32_t, http::Http2Error) override {}
  void on_ping_ack(std::uint64_t opaque) override { acks_ = opaque; }
  void on_stream_closed(std::int32_t stream, void*) override;

  void fill_request(const GrpcRequest& request);
  void check_response();
  void check_session();
  void end_by_trailers();
  void finish(int status, std::string text);
  /// The peer is wrong: tells it, and ends.
  void refuse(int status, std::string text);

  http::ArenaPool arenas_;
  http::Arena arena_;
  http::HeaderMap request_;
  http::HeaderMap answer_;  // headers, then trailers
  http::Http2Memory memory_;
  http::Http2Session session_;
  GrpcDecoder decoder_;
  std::deque<std::string> messages_;
  std::size_t held_ = 0;  // bytes of window that come back when no message waits
  std::optional<GrpcEnd> end_;
  std::int32_t stream_ = -1;
  std::uint64_t pings_ = 0;
  std::uint64_t acks_ = 0;
  bool answered_ = false;  // the headers of the response are there
};

}  // namespace weir::xds
