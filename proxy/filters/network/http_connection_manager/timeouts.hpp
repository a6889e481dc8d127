// SPDX-License-Identifier: Apache-2.0
// How long a request may take, from its route and its headers. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/http/header_map.hpp"
#include "proxy/route/route_config.hpp"

namespace weir::filters {

inline constexpr std::chrono::milliseconds kDefaultTimeout{15000};  // RouteAction.timeout

inline constexpr std::chrono::milliseconds kNoLimit = std::chrono::milliseconds::max();

struct Timeouts {
  std::chrono::milliseconds whole{0};    // from the request's end, all attempts together; 0 = none
  std::chrono::milliseconds attempt{0};  // each of them; 0 = none
  /// max_stream_duration: from the beginning, in the place of the connection manager's; 0 = at
  /// once, kNoLimit = none; not given: the connection manager's counts.
  std::optional<std::chrono::milliseconds> stream;
};

/// `policy` may be null. x-envoy-upstream-rq-timeout-ms and -per-try-timeout-ms are still there
/// only when the client may say so; grpc-timeout counts where the route asks for it.
Timeouts request_timeouts(const route::ForwardAction& action, const route::RetryPolicy* policy,
                          const http::HeaderMap& headers, bool grpc);

/// "100m", "5S" … of a grpc-timeout header.
std::optional<std::chrono::milliseconds> parse_grpc_timeout(std::string_view text);

/// The same back, in the smallest unit of "mSMH" that needs no more than eight digits.
std::string grpc_timeout_text(std::chrono::milliseconds timeout);

/// The retry condition that a gRPC status stands for; 0 = none.
std::uint32_t grpc_condition(std::string_view grpc_status);

}  // namespace weir::filters
