// SPDX-License-Identifier: Apache-2.0
// Http1Connection: HTTP/1.1 to an upstream host: one exchange at a time, kept alive between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/http/http1/body_framing.hpp"
#include "proxy/http/http1/chunk_decoder.hpp"
#include "proxy/http_client/client_connection.hpp"

namespace weir::http_client {

class Http1Connection final : public ClientConnection, public Exchange {
 public:
  explicit Http1Connection(HostPool& pool) noexcept : ClientConnection(pool) {}

  void take(ExchangeEvents& events) override;
  [[nodiscard]] std::uint32_t capacity() const override { return events_ == nullptr ? 1 : 0; }
  [[nodiscard]] std::uint32_t busy() const override { return events_ != nullptr ? 1 : 0; }

  void send_headers(const http::HeaderMap& headers, bool end_of_stream) override;
  void send_data(std::string_view data, bool end_of_stream) override;
  void send_trailers(const http::HeaderMap& trailers) override;
  void flush() override;
  [[nodiscard]] bool congested() const override { return out_.size() > kHighWater; }
  void pause_response(bool paused) override;
  void cancel() override;
  [[nodiscard]] const upstream::Host& host() const override { return peer_host(); }
  [[nodiscard]] std::optional<Endpoint> local_address() const override { return local_end(); }
  [[nodiscard]] std::string_view protocol() const override { return "HTTP/1.1"; }
  [[nodiscard]] bool reused() const override { return exchanges_ > 1; }
  [[nodiscard]] int socket_for_body() const override;
  [[nodiscard]] std::uint64_t response_body_left() const override;
  void take_over_response() override { response_elsewhere_ = true; }
  void response_was_read(std::uint64_t bytes) override;
  void take_over_request() override { request_elsewhere_ = true; }
  void request_was_written(std::uint64_t bytes, bool end_of_stream) override;
  [[nodiscard]] bool hung_up() const override { return peer_ended_; }

 private:
  friend class io::BlockPool<kClientBlock>;
  ~Http1Connection() override = default;

  static constexpr std::size_t kHighWater = 32 * 1024;
  enum class Receiving : std::uint8_t { head, body, nothing };

  void on_connected() override;
  void on_readable() override;
  void end_exchanges(ResetReason reason, std::string_view detail) override;
  void on_drained() override;
  [[nodiscard]] bool wants_writable() const override { return request_elsewhere_; }
  void on_idle_timer() override;
  void on_turn() override;
  void destroy() override;

  // Each returns false when nothing more is to be read: the exchange is over, or the connection.
  bool process(std::string_view bytes);
  bool process_head(std::string_view& bytes);
  bool begin_body(const http::StatusLine& line, http::HeaderMap& headers);
  bool process_body(std::string_view& bytes);
  bool process_chunked(std::string_view& bytes);
  bool on_end_of_input();
  void refuse(http::Http1Error error);
  /// The response is complete: the connection is free, or closed. @return who is to be told
  ExchangeEvents* finish();
  void append_head(const http::HeaderMap& headers, std::string_view extra);
  [[nodiscard]] std::string_view method_text() const;

  ExchangeEvents* events_ = nullptr;
  std::unique_ptr<http::ChunkDecoder> chunks_;
  std::string held_;  // a head that is not complete
  std::uint64_t left_ = 0;
  Receiving receiving_ = Receiving::nothing;
  http::BodyFraming framing_ = http::BodyFraming::none;
  std::uint8_t method_ = 0;  // what the framing of the response depends on
  bool request_chunked_ : 1 = false;
  bool request_done_ : 1 = false;
  bool keep_alive_ : 1 = true;
  bool begun_ : 1 = false;  // something of the response has arrived
  bool upgrade_ : 1 = false;
  bool response_elsewhere_ : 1 = false;  // somebody else reads the body
  bool request_elsewhere_ : 1 = false;   // and writes it
};

}  // namespace weir::http_client
