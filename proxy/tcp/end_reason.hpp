// SPDX-License-Identifier: Apache-2.0
// EndReason: why a connection ended. Each has a counter, a response flag and a text for the access
// log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/access_log/response_flags.hpp"

namespace weir::tcp {

enum class EndReason : std::uint8_t {
  finished,                  // both sides closed in order: not our doing
  downstream_reset,          // the client sent RST; passed on to the upstream
  upstream_reset,            // the upstream sent RST; passed on to the client
  no_filter_chain,           // no chain matched and there is no default chain
  no_network_filter,         // the matching chain has no filters
  listener_filter_timeout,   // the client did not send what the inspectors wait for
  listener_filter_rejected,  // an inspector refused what the client sent
  closed_while_inspecting,   // the client went away before a chain was chosen
  loop_refused,              // dialling the destination would come back to ourselves
  no_cluster,                // the configuration names a cluster that does not exist
  no_healthy_upstream,       // the cluster has no host: BlackHole, or DNS found nothing
  no_original_destination,   // an ORIGINAL_DST cluster and a connection that was not redirected
  cluster_connection_limit,  // circuit breaker max_connections
  connect_failed,            // refused, unreachable, no port left …
  connect_timeout,
  source_not_kept,  // the upstream connection could not get the client's address as its source
  idle_timeout,
  max_duration,
  listener_connection_limit,  // the listener's own connection_limit
  global_connection_limit,    // the limit derived from RLIMIT_NOFILE
  host_unhealthy,             // the host has failed, and the cluster closes its connections then
  drained,                    // still open when the drain time was over
  count_,
};
inline constexpr std::size_t kEndReasonCount = static_cast<std::size_t>(EndReason::count_);

struct EndReasonInfo {
  std::string_view name;     // snake case, last part of weir.connection_end.<name>
  std::string_view details;  // %CONNECTION_TERMINATION_DETAILS% and the log line; plain words
  bool ours;                 // we ended it: one log line at info
};
/// Total: every reason has an entry.
const EndReasonInfo& describe(EndReason reason);
/// The flags that Envoy shows for it; none for an orderly end.
access_log::ResponseFlags response_flags(EndReason reason);

}  // namespace weir::tcp
