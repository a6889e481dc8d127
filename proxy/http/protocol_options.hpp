// SPDX-License-Identifier: Apache-2.0
// What HTTP is like on one side of a connection: core.v3.HttpProtocolOptions and its two versions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::http {

/// core.v3.HttpProtocolOptions.
struct HttpOptions {
  enum class Underscores : std::uint8_t { allow, reject, drop };
  std::optional<std::chrono::milliseconds>
      idle_timeout;                                      // 0 = none; without one the side's default
  std::chrono::milliseconds max_connection_duration{0};  // 0 = none
  std::chrono::milliseconds max_stream_duration{0};      // 0 = none
  std::uint32_t max_headers = 100;
  std::uint32_t max_requests_per_connection = 0;  // 0 = any number
  Underscores underscores = Underscores::allow;   // headers_with_underscores_action
};

/// core.v3.Http1ProtocolOptions.
struct Http1Options {
  enum class HeaderCase : std::uint8_t { lower, proper };  // header_key_format
  bool allow_absolute_url = true;
  bool accept_http_10 = false;
  bool enable_trailers = false;
  bool send_fully_qualified_url = false;
  HeaderCase header_case = HeaderCase::lower;
};

/// core.v3.Http2ProtocolOptions. The defaults are those that Envoy's documentation recommends for
/// untrusted peers, and Envoy's own where it has set them since.
struct Http2Options {
  std::uint32_t header_table_size = 4096;            // HPACK, bytes
  std::uint32_t max_concurrent_streams = 1024;       // that the peer may open
  std::uint32_t initial_stream_window = 512 * 1024;  // what a reader that is slow may cost, each
  std::uint32_t initial_connection_window = 24 * 1024 * 1024;
  std::uint32_t max_inbound_priority_frames_per_stream = 100;
  std::uint32_t max_inbound_window_updates_per_data = 10;
  std::uint32_t max_empty_frames = 1;  // consecutive DATA or HEADERS frames without content or end
  std::uint32_t max_outbound_frames = 10000;
  std::uint32_t max_outbound_control_frames = 1000;
  bool allow_connect = false;  // extended CONNECT (RFC 8441): WebSocket over HTTP/2
  bool stream_error_on_invalid_message = false;
  std::optional<std::chrono::milliseconds> keepalive_interval;  // connection_keepalive: PING
  std::chrono::milliseconds keepalive_timeout{20000};
};

}  // namespace weir::http
