// SPDX-License-Identifier: Apache-2.0
// Http1Session: a client's connection that speaks HTTP/1: one stream after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/filters/network/http_connection_manager/session_core.hpp"
#include "proxy/http/http1/body_framing.hpp"
#include "proxy/http/http1/chunk_decoder.hpp"
#include "proxy/io/out_queue.hpp"
#include "proxy/tcp/connection.hpp"

namespace weir::filters {

struct ProtocolAnswer;

/// Lives in a block of its worker until the connection ends. Worker thread only.
class Http1Session final : public tcp::Connection,
                           StreamConnection,
                           io::EventHandler,
                           io::TimerHandler,
                           io::Resumable {
 public:
  Http1Session(HcmInstance& hcm, tcp::DownstreamConnection&& connection);

  /// false: the connection could not be registered and is gone.
  bool start();
  void end(tcp::EndReason reason) override;
  void drain(bool idle_too) override;
  [[nodiscard]] config::TrafficDirection direction() const override;
  [[nodiscard]] std::uint64_t drain_round() const override { return hcm_.drain_round; }

 private:
  template <std::size_t>
  friend class io::BlockPool;
  ~Http1Session() = default;

  static constexpr std::size_t kHighWater = 32 * 1024;
  enum class Phase : std::uint8_t { open, lingering, closed };

  void on_events(io::Events events, std::uint32_t tag) override;
  void on_timer() override;
  void on_resume() override;

  // StreamConnection
  [[nodiscard]] const SessionFacts& facts() const override { return core_.facts; }
  [[nodiscard]] bool is_http2() const override { return false; }
  [[nodiscard]] bool closes_after_response() const override { return closes_; }
  void close_after_response() override { closes_ = true; }
  void send_informational(std::uint16_t status, http::HeaderMap& headers) override;
  void send_headers(std::uint16_t status, http::HeaderMap& headers, bool end_of_stream) override;
  void send_data(std::string_view data, bool end_of_stream) override;
  void send_trailers(const http::HeaderMap& trailers) override;
  void flush() override;
  [[nodiscard]] bool congested() const override { return out_.size() > kHighWater; }
  void pause_request(bool paused) override;
  void reset(bool protocol_error) override;
  void on_stream_end() override;
  [[nodiscard]] int socket_for_body() const override;
  [[nodiscard]] std::uint64_t request_body_left() const override;
  void take_over_request() override { request_elsewhere_ = true; }
  void request_was_read(std::uint64_t bytes) override;
  [[nodiscard]] bool response_is_plain() const override;
  void take_over_response() override;
  void response_was_written(std::uint64_t bytes, bool end_of_stream) override;
  [[nodiscard]] bool hung_up() const override { return peer_hangs_up_; }

  void read();
  void linger_read();
  void process(std::string_view bytes);
  /// @return how many of the bytes were used up.
  std::size_t consume(std::string_view bytes);
  std::size_t consume_head(std::string_view bytes);
  std::size_t consume_body(std::string_view bytes);
  std::size_t consume_chunked(std::string_view bytes);
  void begin_head();
  [[nodiscard]] bool head_begun() const noexcept { return tried_ > 0 || begun_; }
  [[nodiscard]] std::chrono::milliseconds head_limit() const;
  void check_head();
  void head_timed_out();
  void begin_drain();
  void drain_late(tcp::EndReason reason);
  void begin_request(const http::RequestLine& line);
  static bool is_http2_preface(std::string_view bytes);
  void become_http2(std::string_view bytes);
  void refuse(http::Http1Error error);
  void refuse(const ProtocolAnswer& answer);
  void client_ended();
  void client_reset();
  void response_ended();
  void next_request();
  void close(tcp::EndReason reason);
  void close_when_written();
  void append_data(std::string_view data, bool end_of_stream);
  void append_head(std::uint16_t status, const http::HeaderMap& headers, std::string_view extra);
  void arm(std::chrono::milliseconds delay);
  void rearm(std::chrono::milliseconds delay);
  template <class Call>
  void guarded(Call&& call);

  HcmInstance& hcm_;
  SessionCore core_;
  Stream* stream_ = nullptr;
  io::OutQueue out_;
  io::Timer timer_{*this};
  io::SourceId source_;
  std::string held_;  // what is not processed yet
  std::unique_ptr<http::ChunkDecoder> chunks_;
  std::uint64_t left_ = 0;  // of the request's body
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
  std::chrono::steady_clock::time_point since_;  // of what the timer watches
  std::uint32_t requests_ = 0;
  std::uint32_t tried_ = 0;  // bytes of held_ that were no whole head
  tcp::EndReason end_reason_ = tcp::EndReason::finished;
  Phase phase_ = Phase::open;
  http::BodyFraming framing_ = http::BodyFraming::none;
  std::uint8_t minor_version_ = 1;
  bool inside_ : 1 = false;
  bool closes_ : 1 = false;
  bool wants_close_ : 1 = false;    // as soon as everything is written
  bool keep_alive_10_ : 1 = false;  // an HTTP/1.0 client that asks to be kept
  bool head_ : 1 = false;           // the request's method is HEAD
  bool request_done_ : 1 = false;
  bool response_done_ : 1 = false;
  bool response_chunked_ : 1 = false;
  bool tunnel_ : 1 = false;
  bool paused_ : 1 = false;  // the stream cannot take more
  bool unread_ = false;
  bool peer_ended_ : 1 = false;     // its FIN was read
  bool peer_hangs_up_ : 1 = false;  // EPOLLRDHUP was seen
  bool writable_watched_ : 1 = false;
  bool request_elsewhere_ : 1 = false;   // somebody else reads the request's body
  bool response_elsewhere_ : 1 = false;  // and writes the response's
  bool resuming_ = false;
  bool first_bytes_ : 1 = true;
  bool drains_ : 1 = false;  // idle, and not for long any more
  bool late_ : 1 = false;    // because it was idle, or there, for too long
  bool begun_ : 1 = false;   // empty lines have come before a request
};

}  // namespace weir::filters
