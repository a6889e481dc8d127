// SPDX-License-Identifier: Apache-2.0
// Exchange: one request to an upstream host and its response, whatever version of HTTP carries it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/addresses.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::http_client {

/// Why an exchange ended without a whole response.
enum class ResetReason : std::uint8_t {
  connect_failed,  // refused, unreachable …
  connect_timeout,
  connection_terminated,  // the host closed the connection
  remote_reset,           // RST_STREAM
  refused_stream,         // RST_STREAM with REFUSED_STREAM: nothing was done
  not_sent,               // the connection could not take it: nothing was done
  local_reset,            // by us
  overflow,               // a circuit breaker
  protocol_error,         // what came was no HTTP
};

class Exchange;

/// What happens to an exchange. All calls come from the worker's loop; the exchange is gone after
/// the end of the response or on_reset(). Whoever is called may cancel() the exchange.
class ExchangeEvents {
 public:
  /// A connection is there: send the request. From inside ClusterPool::request() when one was idle.
  virtual void on_ready(Exchange& exchange) = 0;
  /// Where the next head goes; empty.
  virtual http::HeaderMap& response_map() = 0;
  /// response_map() holds a 1xx answer other than 101; it may be used up and the next one is asked
  /// for again.
  virtual void on_informational() = 0;
  virtual void on_response_headers(std::uint16_t status, bool end_of_stream) = 0;
  virtual void on_response_data(std::string_view data, bool end_of_stream) = 0;
  /// Where trailers go; empty.
  virtual http::HeaderMap& trailers_map() = 0;
  /// The trailers are complete, and with them the response.
  virtual void on_response_trailers() = 0;
  /// `detail`: words for the log; valid during the call.
  virtual void on_reset(ResetReason reason, std::string_view detail) = 0;
  /// What was sent has left: send more.
  virtual void on_request_drained() = 0;
  /// Everything that had arrived was handed over: write out what came of it.
  virtual void on_batch_end() = 0;
  /// The headers that were sent, and the maps of the response, are in use until unpin(), even after
  /// cancel().
  virtual void pin() = 0;
  virtual void unpin() = 0;
  /// The response's body was taken over, and something of it can be read.
  virtual void on_body_readable() = 0;

 protected:
  ~ExchangeEvents() = default;
};

/// The sending half. Worker thread only.
class Exchange {
 public:
  /// `headers` holds :method, :path, :authority and :scheme.
  virtual void send_headers(const http::HeaderMap& headers, bool end_of_stream) = 0;
  virtual void send_data(std::string_view data, bool end_of_stream) = 0;
  virtual void send_trailers(const http::HeaderMap& trailers) = 0;
  /// Writes what send_*() have gathered. May call on_reset().
  virtual void flush() = 0;
  /// More is queued than should be: stop sending until on_request_drained().
  [[nodiscard]] virtual bool congested() const = 0;
  /// Stops or goes on reading the response.
  virtual void pause_response(bool paused) = 0;
  /// No more events; the connection is closed, or the stream reset.
  virtual void cancel() = 0;

  [[nodiscard]] virtual const upstream::Host& host() const = 0;
  [[nodiscard]] virtual std::optional<Endpoint> local_address() const = 0;
  [[nodiscard]] virtual std::string_view protocol() const = 0;  // "HTTP/1.1", "HTTP/2"
  /// The connection has carried an exchange before: its end may be the host's idle timeout.
  [[nodiscard]] virtual bool reused() const = 0;
  /// The socket of an exchange whose bodies may be moved around this object; -1: they may not now.
  [[nodiscard]] virtual int socket_for_body() const { return -1; }
  /// Bytes of the response's body left to read, when that is known; else 0.
  [[nodiscard]] virtual std::uint64_t response_body_left() const { return 0; }
  /// From here on somebody else reads the response's body from the socket.
  virtual void take_over_response() {}
  /// It has read all of it. The exchange is gone.
  virtual void response_was_read(std::uint64_t /*bytes*/) {}
  /// From here on somebody else writes the request's body; on_request_drained() says when the
  /// socket takes more.
  virtual void take_over_request() {}
  virtual void request_was_written(std::uint64_t /*bytes*/, bool /*end_of_stream*/) {}
  /// The host has sent its FIN: an empty queue is the end.
  [[nodiscard]] virtual bool hung_up() const { return false; }

 protected:
  ~Exchange() = default;
};

}  // namespace weir::http_client
