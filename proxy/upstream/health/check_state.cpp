// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/check_state.hpp"

#include <algorithm>

namespace weir::upstream {
namespace {

using std::chrono::milliseconds;

milliseconds first_set(milliseconds a, milliseconds b) { return a.count() > 0 ? a : b; }

std::int64_t below(Random& random, std::int64_t bound) {
  return bound <= 0
             ? 0
             : random.below(static_cast<std::uint32_t>(std::min<std::int64_t>(bound, UINT32_MAX)));
}

}  // namespace

CheckTransition CheckState::apply(HostHealth& health, const CheckResult& result) {
  using Kind = CheckResult::Kind;
  const bool passed = result.kind == Kind::passed || result.kind == Kind::degraded;
  const auto transition =
      passed ? pass(health, result.kind == Kind::degraded) : fail(health, result.kind);
  if (result.exclude) health.set(HealthFlag::excluded_via_immediate_hc_fail);
  first_ = false;
  return transition;
}

CheckTransition CheckState::pass(HostHealth& health, bool degraded) {
  failures_ = 0;
  auto transition = CheckTransition::none;
  if (health.has(HealthFlag::failed_active_hc)) {
    transition = CheckTransition::pending;
    // The very first result is believed: a start-up must not take healthy_threshold rounds.
    if (first_ || ++passes_ >= config_->healthy_threshold) {
      health.clear(HealthFlag::active_hc_timeout);
      health.clear(HealthFlag::excluded_via_immediate_hc_fail);
      health.clear(HealthFlag::failed_active_hc);
      transition = CheckTransition::changed;
    }
  }
  const bool other = health.assign(HealthFlag::degraded_active_hc, degraded);
  return other && transition == CheckTransition::none ? CheckTransition::changed : transition;
}

CheckTransition CheckState::fail(HostHealth& health, CheckResult::Kind kind) {
  using Kind = CheckResult::Kind;
  passes_ = 0;
  ++failures_;
  auto transition = CheckTransition::none;
  if (!health.has(HealthFlag::failed_active_hc)) {
    const bool at_once = kind == Kind::refused || kind == Kind::passive;
    transition = CheckTransition::pending;
    if (at_once || failures_ >= config_->unhealthy_threshold) {
      health.set(HealthFlag::failed_active_hc);
      transition = CheckTransition::changed;
    }
  }
  if (health.has(HealthFlag::failed_active_hc))
    health.assign(HealthFlag::active_hc_timeout, kind == Kind::timeout);
  return transition;
}

milliseconds check_delay(const config::HealthCheckConfig& config, bool failed,
                         CheckTransition transition, bool traffic, Random& random) {
  const bool edge = transition == CheckTransition::pending;
  const auto unhealthy = first_set(config.unhealthy_interval, config.interval);
  milliseconds delay = config.no_traffic_interval;
  if (traffic && failed)
    delay = edge ? first_set(config.unhealthy_edge_interval, unhealthy) : unhealthy;
  else if (traffic)
    delay = edge ? first_set(config.healthy_edge_interval, config.interval) : config.interval;
  const std::int64_t base = delay.count();
  const std::int64_t share = base * config.interval_jitter_percent / 100;
  delay += milliseconds(below(random, share) + below(random, config.interval_jitter.count()));
  return std::max(delay, milliseconds(1));
}

}  // namespace weir::upstream
