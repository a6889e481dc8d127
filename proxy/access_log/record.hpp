// SPDX-License-Identifier: Apache-2.0
// Record: everything an access-log format can say about one connection or request, gathered when it
// ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/addresses.hpp"
#include "proxy/access_log/response_flags.hpp"

namespace weir::http {
class HeaderMap;
struct Metadata;
}  // namespace weir::http

namespace weir::access_log {

/// What only a request has. Header maps are as they were when the stream ended; nullptr: there were
/// none.
struct HttpRecord {
  const http::HeaderMap* request_headers = nullptr;
  const http::HeaderMap* response_headers = nullptr;
  const http::HeaderMap* response_trailers = nullptr;
  const http::Metadata* metadata = nullptr;
  std::string_view protocol;           // "HTTP/1.1"
  std::string_view upstream_protocol;  // "" = no upstream
  std::string_view virtual_host;
  std::string_view local_reply_body;
  std::uint16_t response_code = 0;  // 0: no response was begun
  std::uint32_t attempts = 0;       // upstream attempts; 0 = none
  bool health_check = false;        // marked by the health_check filter
  // Since `start`, where it came to that.
  std::optional<std::chrono::milliseconds> request_received;     // its last byte
  std::optional<std::chrono::milliseconds> request_sent;         // last byte to the upstream
  std::optional<std::chrono::milliseconds> response_begun;       // first byte from the upstream
  std::optional<std::chrono::milliseconds> response_sent_begun;  // first byte to the client
};

/// Views borrow from the connection and its Snapshot; they are valid while the record is rendered.
struct Record {
  const HttpRecord* http = nullptr;  // nullptr: of a TCP connection
  std::chrono::system_clock::time_point start;
  std::chrono::milliseconds duration{0};
  std::uint64_t connection_id = 0;
  std::uint64_t bytes_received = 0;  // from downstream
  std::uint64_t bytes_sent = 0;      // to downstream
  ResponseFlags flags;
  std::string_view response_code_details;  // %RESPONSE_CODE_DETAILS%, "" = unset
  std::string_view
      connection_termination_details;  // %CONNECTION_TERMINATION_DETAILS%: why we ended it
  std::string_view upstream_transport_failure_reason;
  DownstreamAddress downstream_remote;
  std::optional<DownstreamAddress> downstream_direct;   // the socket's peer, where it is another
  std::optional<OriginalDestination> downstream_local;  // restored address when there was one
  std::optional<UpstreamAddress> upstream_host;
  std::optional<Endpoint> upstream_local;
  std::string_view upstream_cluster;
  std::string_view requested_server_name;
  std::string_view route_name;
  std::string_view listener_name;      // %WEIR_LISTENER%: the listener that owned the connection
  std::string_view filter_chain_name;  // %FILTER_CHAIN_NAME%
};

}  // namespace weir::access_log
