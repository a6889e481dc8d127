// SPDX-License-Identifier: Apache-2.0
// Http2Session: a client's connection that speaks HTTP/2: streams side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "proxy/filters/network/http_connection_manager/session_core.hpp"
#include "proxy/http/http2_session.hpp"
#include "proxy/http_client/keepalive_ping.hpp"
#include "proxy/io/out_queue.hpp"
#include "proxy/tcp/connection.hpp"

namespace weir::filters {

class Http2Session;

/// The client's side of one stream of HTTP/2. Lives until the codec has forgotten the stream.
class Http2StreamSide final : public StreamConnection {
 public:
  Http2StreamSide(Http2Session& session, std::int32_t id) noexcept : session_(session), id_(id) {}

  [[nodiscard]] const SessionFacts& facts() const override;
  [[nodiscard]] bool is_http2() const override { return true; }
  [[nodiscard]] bool closes_after_response() const override { return false; }
  void close_after_response() override {}
  void send_informational(std::uint16_t status, http::HeaderMap& headers) override;
  void send_headers(std::uint16_t status, http::HeaderMap& headers, bool end_of_stream) override;
  void send_data(std::string_view data, bool end_of_stream) override;
  void send_trailers(const http::HeaderMap& trailers) override;
  void flush() override;
  [[nodiscard]] bool congested() const override;
  void pause_request(bool paused) override;
  void reset(bool protocol_error) override;
  void on_stream_end() override;

 private:
  friend class Http2Session;
  template <std::size_t>
  friend class io::BlockPool;
  ~Http2StreamSide() = default;

  Http2Session& session_;
  Stream* stream_ = nullptr;  // null once it is over
  Stream* pinned_ = nullptr;  // its maps are the codec's as long as this lives
  std::size_t unconsumed_ = 0;
  std::size_t place_ = 0;  // in the session's list
  std::int32_t id_;
  bool head_ = false;
  bool request_done_ = false;
  bool response_done_ = false;
  bool paused_ = false;
  bool touched_ = false;
  bool congested_ = false;
};

/// Lives in a block of its worker until the connection ends. Worker thread only.
class Http2Session final : public tcp::Connection,
                           http::Http2Events,
                           http_client::KeepalivePing::Owner,
                           io::EventHandler,
                           io::TimerHandler,
                           io::Resumable {
 public:
  Http2Session(HcmInstance& hcm, SessionCore&& core);

  /// `bytes`: what was read already, the connection preface in front.
  void start(std::string_view bytes);
  void end(tcp::EndReason reason) override;
  void drain(bool idle_too) override;
  [[nodiscard]] config::TrafficDirection direction() const override;
  [[nodiscard]] std::uint64_t drain_round() const override { return hcm_.drain_round; }

 private:
  friend class Http2StreamSide;
  template <std::size_t>
  friend class io::BlockPool;
  ~Http2Session();

  /// RST_STREAM behind what is queued: headers, or (`when_empty`) everything.
  struct LateReset {
    std::int32_t stream;
    http::Http2Error code;
    bool when_empty;
  };

  static constexpr std::size_t kHighWater = 256 * 1024;
  static constexpr std::size_t kStreamHighWater = 64 * 1024;

  void on_events(io::Events events, std::uint32_t tag) override;
  void on_timer() override;
  void on_resume() override;

  http::HeaderMap* on_begin_headers(std::int32_t stream, http::HeadersKind kind) override;
  void on_headers(std::int32_t stream, http::HeadersKind kind, bool end_of_stream) override;
  void on_data(std::int32_t stream, std::span<const std::byte> data) override;
  void on_end_of_stream(std::int32_t stream) override;
  void on_reset(std::int32_t stream, const http::Http2Reset& reset) override;
  void on_stream_writable(std::int32_t stream) override;
  void on_goaway(std::int32_t last_stream, http::Http2Error code) override;
  void on_ping_ack(std::uint64_t opaque) override;
  void on_stream_closed(std::int32_t stream, void* owner) override;

  void send_ping() override;
  void on_ping_timeout() override;

  [[nodiscard]] Http2StreamSide* side_of(std::int32_t stream) const;
  void read();
  bool feed(std::string_view bytes);
  void end_batch();
  void gather();
  void write();
  void wake();
  void protocol_error();
  void arm_timer();
  void send_notice();
  void linger();
  void linger_read();
  void lose(Http2StreamSide& side, std::string_view details, access_log::ResponseFlag flag);
  bool send_late_resets();
  void touch(Http2StreamSide& side);
  void forget(Http2StreamSide& side);
  void close(tcp::EndReason reason);
  template <class Call>
  void guarded(Call&& call);

  HcmInstance& hcm_;
  SessionCore core_;
  std::unique_ptr<http::Http2Session> codec_;
  std::unique_ptr<http_client::KeepalivePing> keepalive_;  // null: not configured
  std::vector<Http2StreamSide*> sides_;
  std::vector<Http2StreamSide*> touched_;
  std::vector<LateReset> late_resets_;
  io::OutQueue out_;
  io::Timer timer_{*this};
  io::SourceId source_;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::chrono::steady_clock::time_point idle_since_;
  std::chrono::steady_clock::time_point since_;  // of the notice, or of the last error
  std::uint32_t requests_ = 0;
  bool inside_ = false;
  bool in_codec_ = false;
  bool closed_ = false;
  bool resuming_ = false;
  bool hangs_up_ = false;
  bool drains_ = false;
  bool notice_sent_ = false;  // the client knows that GOAWAY will follow
  bool wants_close_ = false;  // as soon as everything is written
  bool lingering_ = false;    // our end is closed; the client's is waited for
};

/// Takes a connection over whose first bytes are `bytes`, the connection preface in front.
void start_http2_session(HcmInstance& hcm, SessionCore&& core, std::string_view bytes);

}  // namespace weir::filters
