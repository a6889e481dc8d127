// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/timeouts.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "proxy/filters/http/support.hpp"

namespace weir::filters {
namespace {

using http::HeaderId;
using std::chrono::milliseconds;

std::optional<milliseconds> milliseconds_in(std::string_view text) {
  const auto value = parse_header_number(text);
  if (!value || *value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return milliseconds(*value);
}

}  // namespace

std::optional<milliseconds> parse_grpc_timeout(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return std::nullopt;
  std::int64_t value = 0;
  const char* const last = text.data() + text.size() - 1;
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last || value < 0) return std::nullopt;
  switch (*last) {
    case 'H':
      return std::chrono::hours(value);
    case 'M':
      return std::chrono::minutes(value);
    case 'S':
      return std::chrono::seconds(value);
    case 'm':
      return milliseconds(value);
    case 'u':
      return std::chrono::ceil<milliseconds>(std::chrono::microseconds(value));
    case 'n':
      return std::chrono::ceil<milliseconds>(std::chrono::nanoseconds(value));
    default:
      return std::nullopt;
  }
}

std::string grpc_timeout_text(milliseconds timeout) {
  constexpr std::string_view kUnits = "mSMH";
  constexpr std::int64_t kSteps[] = {1000, 60, 60};
  constexpr std::int64_t kMost = 99'999'999;
  std::int64_t value = timeout.count();
  std::size_t unit = 0;
  while (value > kMost && unit < std::size(kSteps)) value /= kSteps[unit++];
  return std::to_string(std::min(value, kMost)) + kUnits[unit];
}

Timeouts request_timeouts(const route::ForwardAction& action, const route::RetryPolicy* policy,
                          const http::HeaderMap& headers, bool grpc) {
  Timeouts timeouts;
  // Either takes the place of the route's timeout.
  if (!action.max_stream_duration && !action.grpc_timeout_header_max)
    timeouts.whole = action.timeout.value_or(kDefaultTimeout);
  if (action.max_stream_duration) {
    const milliseconds longest = *action.max_stream_duration;
    timeouts.stream = longest.count() > 0 ? longest : kNoLimit;
  }
  if (action.grpc_timeout_header_max) {
    const milliseconds longest = *action.grpc_timeout_header_max;
    if (const auto asked = parse_grpc_timeout(headers.get(HeaderId::grpc_timeout)))
      timeouts.stream = longest.count() > 0 ? std::min(*asked, longest) : *asked;
  }
  const auto& most = action.max_grpc_timeout;
  if (grpc && most && !action.grpc_timeout_header_max) {
    timeouts.whole =
        parse_grpc_timeout(headers.get(HeaderId::grpc_timeout)).value_or(milliseconds(0));
    if (most->count() > 0 && (timeouts.whole.count() == 0 || timeouts.whole > *most))
      timeouts.whole = *most;
  }
  if (policy != nullptr) timeouts.attempt = policy->per_try_timeout;
  if (const auto asked = milliseconds_in(headers.get(HeaderId::x_envoy_upstream_rq_timeout_ms)))
    timeouts.whole = *asked;
  if (const auto asked =
          milliseconds_in(headers.get(HeaderId::x_envoy_upstream_rq_per_try_timeout_ms)))
    timeouts.attempt = *asked;
  // An attempt that may take as long as all of them together needs no limit of its own.
  if (timeouts.whole.count() > 0 && timeouts.attempt >= timeouts.whole)
    timeouts.attempt = milliseconds(0);
  return timeouts;
}

std::uint32_t grpc_condition(std::string_view grpc_status) {
  using route::RetryOn;
  if (grpc_status == "1") return static_cast<std::uint32_t>(RetryOn::grpc_cancelled);
  if (grpc_status == "4") return static_cast<std::uint32_t>(RetryOn::grpc_deadline_exceeded);
  if (grpc_status == "8") return static_cast<std::uint32_t>(RetryOn::grpc_resource_exhausted);
  if (grpc_status == "13") return static_cast<std::uint32_t>(RetryOn::grpc_internal);
  if (grpc_status == "14") return static_cast<std::uint32_t>(RetryOn::grpc_unavailable);
  return 0;
}

}  // namespace weir::filters
