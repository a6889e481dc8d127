// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/response_flags.hpp"

#include <algorithm>
#include <iterator>

namespace weir::access_log {
namespace {

struct Entry {
  ResponseFlag flag;
  std::string_view code;
  std::string_view name;
};

constexpr Entry kRetryLimit = {ResponseFlag::upstream_retry_limit_exceeded, "URX",
                               "UpstreamRetryLimitExceeded"};

// In the order in which they are printed: Envoy prints them as they come about. What filters set
// comes first; that retries are used up is known before the reason of the last try (requests), or
// after it (connections).
constexpr Entry kEntries[] = {
    {ResponseFlag::failed_local_health_check, "LH", "FailedLocalHealthCheck"},
    {ResponseFlag::downstream_remote_reset, "DR", "DownstreamRemoteReset"},
    {ResponseFlag::delay_injected, "DI", "DelayInjected"},
    {ResponseFlag::fault_injected, "FI", "FaultInjected"},
    {ResponseFlag::rate_limited, "RL", "RateLimited"},
    {ResponseFlag::unauthorized_external, "UAEX", "UnauthorizedExternalService"},
    kRetryLimit,  // of requests
    {ResponseFlag::no_healthy_upstream, "UH", "NoHealthyUpstream"},
    {ResponseFlag::upstream_connection_failure, "UF", "UpstreamConnectionFailure"},
    {ResponseFlag::upstream_overflow, "UO", "UpstreamOverflow"},
    {ResponseFlag::no_route_found, "NR", "NoRouteFound"},
    kRetryLimit,  // of connections
    {ResponseFlag::no_cluster_found, "NC", "NoClusterFound"},
    {ResponseFlag::upstream_request_timeout, "UT", "UpstreamRequestTimeout"},
    {ResponseFlag::local_reset, "LR", "LocalReset"},
    {ResponseFlag::upstream_remote_reset, "UR", "UpstreamRemoteReset"},
    {ResponseFlag::upstream_protocol_error, "UPE", "UpstreamProtocolError"},
    {ResponseFlag::upstream_max_stream_duration, "UMSDR", "UpstreamMaxStreamDurationReached"},
    {ResponseFlag::duration_timeout, "DT", "DurationTimeout"},
    {ResponseFlag::upstream_connection_termination, "UC", "UpstreamConnectionTermination"},
    {ResponseFlag::downstream_connection_termination, "DC", "DownstreamConnectionTermination"},
    {ResponseFlag::stream_idle_timeout, "SI", "StreamIdleTimeout"},
    {ResponseFlag::overload_manager, "OM", "OverloadManagerTerminated"},
    {ResponseFlag::downstream_protocol_error, "DPE", "DownstreamProtocolError"},
    {ResponseFlag::response_from_cache, "RFCF", "ResponseFromCacheFilter"},
};
constexpr std::size_t kRetryLimitOfRequests = 6;
constexpr std::size_t kRetryLimitOfConnections = 11;
static_assert(kEntries[kRetryLimitOfRequests].flag == kRetryLimit.flag);
static_assert(kEntries[kRetryLimitOfConnections].flag == kRetryLimit.flag);

// Codes for what this proxy does not do.
constexpr std::string_view kNeverSet[] = {"RLSE", "IH", "NFCF", "DF", "DO", "UDO"};

}  // namespace

std::string_view ResponseFlags::print(FlagsBuffer& buffer, FlagOrder order,
                                      FlagNames names) const noexcept {
  const std::size_t skipped =
      order == FlagOrder::request ? kRetryLimitOfConnections : kRetryLimitOfRequests;
  char* end = buffer.data();
  for (std::size_t i = 0; i < std::size(kEntries); ++i) {
    if (!has(kEntries[i].flag) || i == skipped) continue;
    if (end != buffer.data()) *end++ = ',';
    const auto text = names == FlagNames::codes ? kEntries[i].code : kEntries[i].name;
    end = std::copy(text.begin(), text.end(), end);
  }
  return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

std::string ResponseFlags::to_string() const {
  FlagsBuffer buffer;
  const auto text = print(buffer, FlagOrder::connection, FlagNames::codes);
  return text.empty() ? "-" : std::string(text);
}

std::optional<ResponseFlags> response_flag_of(std::string_view code) {
  for (const Entry& entry : kEntries)
    if (entry.code == code) return ResponseFlags{static_cast<std::uint32_t>(entry.flag)};
  if (std::find(std::begin(kNeverSet), std::end(kNeverSet), code) != std::end(kNeverSet))
    return ResponseFlags{};
  return std::nullopt;
}

}  // namespace weir::access_log
