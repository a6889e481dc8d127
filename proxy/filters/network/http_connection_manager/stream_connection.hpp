// SPDX-License-Identifier: Apache-2.0
// StreamConnection: the client's side of one stream, as the stream uses it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/addresses.hpp"
#include "proxy/filters/http/connection_notes.hpp"
#include "proxy/http/header_map.hpp"
#include "proxy/tcp/listener_use.hpp"
#include "proxy/upstream/client_source.hpp"
#include "proxy/upstream/loop_guard.hpp"

namespace weir::filters {

class Stream;

/// What all streams of a connection share. Lives as long as the connection.
struct SessionFacts {
  DownstreamAddress peer;
  OriginalDestination destination;
  bool restored = false;
  std::uint64_t id = 0;
  std::string_view server_name;
  const config::FilterChainConfig* chain = nullptr;
  const tcp::ListenerRuntime* listener = nullptr;
  const upstream::LoopGuard::Origin* loop_origin = nullptr;  // nullptr: not one of our own
  const upstream::SourceKeeping* keep_source = nullptr;
  mutable std::unique_ptr<ConnectionNotes> notes;  // once a filter has one
};

/// Implemented by the sessions. Nothing here destroys the stream before its own code has returned.
class StreamConnection {
 public:
  [[nodiscard]] virtual const SessionFacts& facts() const = 0;
  [[nodiscard]] virtual bool is_http2() const = 0;
  /// Another response header is wanted: Connection: close, because this connection ends after the
  /// response.
  [[nodiscard]] virtual bool closes_after_response() const = 0;
  virtual void close_after_response() = 0;

  /// A 1xx response.
  virtual void send_informational(std::uint16_t status, http::HeaderMap& headers) = 0;
  /// `headers` has :status. Framing headers of the version are added here.
  virtual void send_headers(std::uint16_t status, http::HeaderMap& headers, bool end_of_stream) = 0;
  virtual void send_data(std::string_view data, bool end_of_stream) = 0;
  virtual void send_trailers(const http::HeaderMap& trailers) = 0;
  /// Writes what was sent. An end of stream does that by itself.
  virtual void flush() = 0;
  /// More is queued than should be: stop sending until Stream::on_response_drained().
  [[nodiscard]] virtual bool congested() const = 0;
  virtual void pause_request(bool paused) = 0;
  /// The stream ends without a whole response: RST_STREAM, or the connection is closed.
  virtual void reset(bool protocol_error) = 0;
  /// The stream is over; it will not call any more.
  virtual void on_stream_end() = 0;

  /// The socket of a connection whose bodies may be moved around this object; -1: they may not now.
  [[nodiscard]] virtual int socket_for_body() const { return -1; }
  /// Bytes of the request's body left to read, when that is known; else 0.
  [[nodiscard]] virtual std::uint64_t request_body_left() const { return 0; }
  /// From here on somebody else reads the request's body: Stream::on_body_readable().
  virtual void take_over_request() {}
  virtual void request_was_read(std::uint64_t /*bytes*/) {}
  /// The response's body has a length, and nothing of it is queued here.
  [[nodiscard]] virtual bool response_is_plain() const { return false; }
  /// From here on somebody else writes the response's body; Stream::on_response_drained() says when
  /// the socket takes more.
  virtual void take_over_response() {}
  virtual void response_was_written(std::uint64_t /*bytes*/, bool /*end_of_stream*/) {}
  /// The client has sent its FIN: an empty queue is the end.
  [[nodiscard]] virtual bool hung_up() const { return false; }

 protected:
  ~StreamConnection() = default;
};

}  // namespace weir::filters
