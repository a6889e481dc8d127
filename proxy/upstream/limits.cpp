// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/limits.hpp"

#include <algorithm>

namespace weir::upstream {

std::uint32_t retry_limit(const config::CircuitBreakerConfig& limits, const LimitCounts& counts) {
  if (!limits.retry_budget_percent) return limits.max_retries;
  const double active =
      static_cast<double>(counts.requests.load(std::memory_order_relaxed)) +
      static_cast<double>(counts.pending_requests.load(std::memory_order_relaxed));
  return std::max(static_cast<std::uint32_t>(*limits.retry_budget_percent / 100 * active),
                  limits.retry_budget_min);
}

OpenBreakers open_breakers(const config::CircuitBreakerConfig& limits, const LimitCounts& counts) {
  return {counts.connections.load(std::memory_order_relaxed) >= limits.max_connections,
          counts.pending_requests.load(std::memory_order_relaxed) >= limits.max_pending_requests,
          counts.requests.load(std::memory_order_relaxed) >= limits.max_requests,
          counts.retries.load(std::memory_order_relaxed) >= retry_limit(limits, counts)};
}

}  // namespace weir::upstream
