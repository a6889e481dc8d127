// SPDX-License-Identifier: Apache-2.0
// Record: everything an access-log format can say about one connection, gathered when it ends.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/addresses.hpp"
#include "proxy/access_log/response_flags.hpp"

namespace weir::access_log {

/// Views borrow from the connection and its Snapshot; they are valid while the record is rendered.
struct Record {
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
