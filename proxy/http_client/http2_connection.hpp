// SPDX-License-Identifier: Apache-2.0
// Http2Connection: HTTP/2 to an upstream host: many exchanges at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/http/http2_session.hpp"
#include "proxy/http_client/client_connection.hpp"
#include "proxy/http_client/keepalive_ping.hpp"

namespace weir::http_client {

class Http2Connection;

/// One stream. Lives until the session has forgotten it, which may be after its events have left.
/// Worker thread only.
class Http2Exchange final : public Exchange {
 public:
  Http2Exchange(Http2Connection& connection, ExchangeEvents& events);

  void send_headers(const http::HeaderMap& headers, bool end_of_stream) override;
  void send_data(std::string_view data, bool end_of_stream) override;
  void send_trailers(const http::HeaderMap& trailers) override;
  void flush() override;
  [[nodiscard]] bool congested() const override;
  void pause_response(bool paused) override;
  void cancel() override;
  [[nodiscard]] const upstream::Host& host() const override;
  [[nodiscard]] std::optional<Endpoint> local_address() const override;
  [[nodiscard]] std::string_view protocol() const override { return "HTTP/2"; }
  [[nodiscard]] bool reused() const override { return reused_; }

 private:
  friend class Http2Connection;
  friend class io::BlockPool<kExchangeBlock>;
  ~Http2Exchange() = default;

  Http2Connection& connection_;
  ExchangeEvents* events_;  // null: nobody listens any more
  ExchangeEvents* pinned_;
  std::size_t place_ = 0;     // in the connection's list
  std::int32_t stream_ = -1;  // -1: no request was sent, or the stream is no more
  std::uint16_t status_ = 0;
  std::size_t unconsumed_ = 0;  // of the window, while the response is paused
  bool reused_ = false;
  bool paused_ = false;
  bool request_done_ = false;
  bool touched_ = false;  // in the list of those that get on_batch_end()
};

class Http2Connection final : public ClientConnection, http::Http2Events, KeepalivePing::Owner {
 public:
  explicit Http2Connection(HostPool& pool);

  void take(ExchangeEvents& events) override;
  [[nodiscard]] std::uint32_t capacity() const override;
  [[nodiscard]] std::uint32_t busy() const override { return active_; }

 private:
  friend class Http2Exchange;
  friend class io::BlockPool<kClientBlock>;
  ~Http2Connection() override;

  static constexpr std::size_t kStreamHighWater = 64 * 1024;

  // ClientConnection
  void on_connected() override;
  void on_readable() override;
  void end_exchanges(ResetReason reason, std::string_view detail) override;
  void on_drained() override;
  void on_idle_timer() override;
  void on_turn() override;
  void destroy() override;

  // Http2Events
  http::HeaderMap* on_begin_headers(std::int32_t stream, http::HeadersKind kind) override;
  void on_headers(std::int32_t stream, http::HeadersKind kind, bool end_of_stream) override;
  void on_data(std::int32_t stream, std::span<const std::byte> data) override;
  void on_end_of_stream(std::int32_t stream) override;
  void on_reset(std::int32_t stream, const http::Http2Reset& reset) override;
  void on_stream_writable(std::int32_t stream) override;
  void on_goaway(std::int32_t last_stream, http::Http2Error code) override;
  void on_ping_ack(std::uint64_t opaque) override;
  void on_stream_closed(std::int32_t stream, void* owner) override;

  // KeepalivePing::Owner
  void send_ping() override;
  void on_ping_timeout() override;

  [[nodiscard]] Http2Exchange* exchange_of(std::int32_t stream) const;
  ExchangeEvents* finish(Http2Exchange& exchange);
  void forget(Http2Exchange& exchange);
  void touch(Http2Exchange& exchange);
  void end_batch();
  /// Moves what the session has to say into the queue.
  void gather();
  void settle();

  std::unique_ptr<http::Http2Session> session_;
  std::unique_ptr<KeepalivePing> keepalive_;  // null: not configured
  std::vector<Http2Exchange*> all_;
  std::vector<Http2Exchange*> touched_;
  std::uint32_t active_ = 0;  // exchanges that somebody listens to
  bool in_session_ = false;   // inside receive() or produce()
  bool refuses_ = false;      // no new streams: GOAWAY, or numbers used up
};

}  // namespace weir::http_client
