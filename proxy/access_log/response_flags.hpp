// SPDX-License-Identifier: Apache-2.0
// Envoy's response flags: the short code that says how a connection or request failed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::access_log {

/// Bit set. Source: Envoy's access log documentation, %RESPONSE_FLAGS%.
enum class ResponseFlag : std::uint32_t {
  no_healthy_upstream = 1u << 0,                // UH
  upstream_connection_failure = 1u << 1,        // UF
  upstream_overflow = 1u << 2,                  // UO
  no_route_found = 1u << 3,                     // NR: no filter chain or no route
  upstream_retry_limit_exceeded = 1u << 4,      // URX
  no_cluster_found = 1u << 5,                   // NC
  duration_timeout = 1u << 6,                   // DT
  upstream_connection_termination = 1u << 7,    // UC
  downstream_connection_termination = 1u << 8,  // DC
  stream_idle_timeout = 1u << 9,                // SI
  overload_manager = 1u << 10,                  // OM: refused by a limit of ours
  downstream_protocol_error = 1u << 11,         // DPE: the client broke the protocol
  upstream_request_timeout = 1u << 12,          // UT
  local_reset = 1u << 13,                       // LR
  upstream_remote_reset = 1u << 14,             // UR
  delay_injected = 1u << 15,                    // DI
  fault_injected = 1u << 16,                    // FI
  rate_limited = 1u << 17,                      // RL
  unauthorized_external = 1u << 18,             // UAEX
  upstream_protocol_error = 1u << 19,           // UPE
  upstream_max_stream_duration = 1u << 20,      // UMSDR
  response_from_cache = 1u << 21,               // RFCF
  failed_local_health_check = 1u << 22,         // LH
  downstream_remote_reset = 1u << 23,           // DR
};

/// Room for the names of all flags together.
using FlagsBuffer = std::array<char, 768>;
/// Envoy prints flags in the order in which they come about, which differs.
enum class FlagOrder : std::uint8_t { connection, request };
enum class FlagNames : std::uint8_t { codes, words };  // "UF", "UpstreamConnectionFailure"

struct ResponseFlags {
  std::uint32_t bits = 0;

  void set(ResponseFlag flag) noexcept { bits |= static_cast<std::uint32_t>(flag); }
  [[nodiscard]] bool has(ResponseFlag flag) const noexcept {
    return (bits & static_cast<std::uint32_t>(flag)) != 0;
  }
  /// "URX,UF" for requests, "UF,URX" for connections; "" when none. Borrows `buffer`.
  std::string_view print(FlagsBuffer& buffer, FlagOrder order, FlagNames names) const noexcept;
  /// As print() for connections, but "-" when none.
  [[nodiscard]] std::string to_string() const;
  bool operator==(const ResponseFlags&) const = default;
};

/// The flag of a code of Envoy's ("NR"): no bit for one that only it sets, since the connection
/// that has it never comes. nullopt: Envoy has no such code either.
std::optional<ResponseFlags> response_flag_of(std::string_view code);

}  // namespace weir::access_log
