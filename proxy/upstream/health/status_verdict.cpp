// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/status_verdict.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace weir::upstream {
namespace {

using Ranges = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

bool contains(const Ranges& ranges, unsigned status) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
    return status >= range.first && status <= range.second;
  });
}

}  // namespace

CheckResult judge_status(const config::HealthCheckConfig& config, const CheckedHead& head) {
  using Kind = CheckResult::Kind;
  const bool expected = config.expected_statuses.empty()
                            ? head.status == 200
                            : contains(config.expected_statuses, head.status);
  if (expected) return {head.degraded ? Kind::degraded : Kind::passed, {}, head.immediate_failure};
  auto reason = fmt::format("{} {} answered {}", config.method, config.path, head.status);
  const bool retriable = contains(config.retriable_statuses, head.status);
  return {retriable ? Kind::retriable : Kind::refused, std::move(reason), head.immediate_failure};
}

}  // namespace weir::upstream
