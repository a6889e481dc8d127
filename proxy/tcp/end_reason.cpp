// SPDX-License-Identifier: Apache-2.0
#include "proxy/tcp/end_reason.hpp"

#include <array>
#include <cassert>

namespace weir::tcp {
namespace {

using access_log::ResponseFlag;
using access_log::ResponseFlags;

constexpr ResponseFlags kNone{};
constexpr ResponseFlags flags(ResponseFlag flag) {
  return ResponseFlags{static_cast<std::uint32_t>(flag)};
}
constexpr ResponseFlags flags(ResponseFlag a, ResponseFlag b) {
  return ResponseFlags{flags(a).bits | flags(b).bits};
}

struct Entry {
  EndReason reason;
  EndReasonInfo info;
  ResponseFlags flags;
};

// Flags are Envoy's where Envoy has any for the case. Where it writes no record or shows none, the
// nearest flag is taken, so that "flags are set" finds every failure: a refused loop has no route
// (NR), a client that inspectors waited for in vain was idle (SI). A failed connect shows URX too,
// since the last permitted attempt failed.
constexpr std::array<Entry, kEndReasonCount> kEntries{{
    {EndReason::finished, {"finished", "", false}, kNone},
    {EndReason::downstream_reset,
     {"downstream_reset", "the client reset the connection", false},
     flags(ResponseFlag::downstream_connection_termination)},
    {EndReason::upstream_reset,
     {"upstream_reset", "the upstream reset the connection", false},
     flags(ResponseFlag::upstream_connection_termination)},
    {EndReason::no_filter_chain,
     {"no_filter_chain", "no filter chain matches and there is no default chain", true},
     flags(ResponseFlag::no_route_found)},
    {EndReason::no_network_filter,
     {"no_network_filter", "the filter chain has no network filter", true},
     flags(ResponseFlag::no_route_found)},
    {EndReason::listener_filter_timeout,
     {"listener_filter_timeout", "the client did not send what the listener filters wait for",
      true},
     flags(ResponseFlag::stream_idle_timeout)},
    {EndReason::listener_filter_rejected,
     {"listener_filter_rejected", "a listener filter refused what the client sent", true},
     flags(ResponseFlag::downstream_protocol_error)},
    {EndReason::closed_while_inspecting,
     {"closed_while_inspecting", "the client closed before a filter chain was chosen", false},
     flags(ResponseFlag::downstream_connection_termination)},
    {EndReason::loop_refused,
     {"loop_refused", "the destination leads back to this proxy", true},
     flags(ResponseFlag::no_route_found)},
    {EndReason::no_cluster,
     {"no_cluster", "the cluster does not exist", true},
     flags(ResponseFlag::no_cluster_found)},
    {EndReason::no_healthy_upstream,
     {"no_healthy_upstream", "the cluster has no usable host", true},
     flags(ResponseFlag::no_healthy_upstream)},
    {EndReason::no_original_destination,
     {"no_original_destination",
      "the connection was not redirected and has no original destination", true},
     flags(ResponseFlag::no_healthy_upstream)},
    {EndReason::cluster_connection_limit,
     {"cluster_connection_limit", "the cluster is at its connection limit", true},
     flags(ResponseFlag::upstream_overflow)},
    {EndReason::connect_failed,
     {"connect_failed", "the upstream could not be connected", true},
     flags(ResponseFlag::upstream_connection_failure, ResponseFlag::upstream_retry_limit_exceeded)},
    {EndReason::connect_timeout,
     {"connect_timeout", "the upstream did not answer the connect in time", true},
     flags(ResponseFlag::upstream_connection_failure, ResponseFlag::upstream_retry_limit_exceeded)},
    {EndReason::source_not_kept,
     {"source_not_kept", "the upstream connection could not keep the client's address", true},
     flags(ResponseFlag::upstream_connection_failure, ResponseFlag::upstream_retry_limit_exceeded)},
    {EndReason::idle_timeout,
     {"idle_timeout", "no byte in either direction for the idle timeout", true},
     flags(ResponseFlag::stream_idle_timeout)},
    {EndReason::max_duration,
     {"max_duration", "open for the maximum duration", true},
     flags(ResponseFlag::duration_timeout)},
    {EndReason::listener_connection_limit,
     {"listener_connection_limit", "the listener is at its connection limit", true},
     flags(ResponseFlag::overload_manager)},
    {EndReason::global_connection_limit,
     {"global_connection_limit", "the proxy is at its connection limit", true},
     flags(ResponseFlag::overload_manager)},
    {EndReason::host_unhealthy,
     {"host_unhealthy", "the upstream host has failed its health check or was ejected", true},
     flags(ResponseFlag::upstream_connection_termination)},
    {EndReason::drained,
     {"drained", "still open when the drain time was over", true},
     flags(ResponseFlag::duration_timeout)},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kEntries.size(); ++i)
    if (static_cast<std::size_t>(kEntries[i].reason) != i) return false;
  return true;
}
static_assert(is_in_order(), "entries stand in the order of the enumeration");

const Entry& entry(EndReason reason) {
  const auto index = static_cast<std::size_t>(reason);
  assert(index < kEntries.size());
  return kEntries[index];
}

}  // namespace

const EndReasonInfo& describe(EndReason reason) { return entry(reason).info; }

access_log::ResponseFlags response_flags(EndReason reason) { return entry(reason).flags; }

}  // namespace weir::tcp
