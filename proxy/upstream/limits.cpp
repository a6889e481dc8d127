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

}  // namespace weir::upstream
