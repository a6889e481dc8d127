// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health_reports.hpp"

#include <cassert>

namespace weir::upstream {
namespace {

bool is_gateway_failure(unsigned status) { return status >= 502 && status <= 504; }

void count_local_success(const Host& host, std::size_t worker) {
  OutcomeCounts& counts = host.outcomes.counts[worker];
  counts.local_succeeded.add();  // before the total: see OutcomeCounts
  counts.local_total.add();
  host.outcomes.local_failures.end();
}

/// What an outcome counts as when local failures are not told from the host's own.
unsigned status_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::connected:
      return 0;
    case Outcome::connected_final:
    case Outcome::request_succeeded:
      return 200;
    case Outcome::connect_failed:
      return 503;
    case Outcome::timeout:
      return 504;
    case Outcome::request_failed:
      return 500;
  }
  return 0;
}

}  // namespace

void HealthReports::count(const Host& host, std::size_t worker, Outcome outcome) const {
  if (host.outcomes.counts.empty()) return;
  if (outlier_->split_external_local_origin_errors) {
    if (outcome == Outcome::connected || outcome == Outcome::connected_final)
      return count_local_success(host, worker);
    if (outcome == Outcome::connect_failed || outcome == Outcome::timeout)
      return count_local_failure(host, worker);
  }
  if (const unsigned status = status_of(outcome); status != 0) count_status(host, worker, status);
}

void HealthReports::count_status(const Host& host, std::size_t worker, unsigned status) const {
  HostOutcomes& outcomes = host.outcomes;
  if (outcomes.counts.empty()) return;
  assert(worker < outcomes.counts.size());
  if (status < 500) outcomes.counts[worker].succeeded.add();  // before the total: see OutcomeCounts
  outcomes.counts[worker].total.add();
  if (status < 500) {
    outcomes.errors_5xx.end();
    outcomes.gateway_failures.end();
    return;
  }
  if (is_gateway_failure(status))
    add_failure(outcomes.gateway_failures, outlier_->consecutive_gateway_failure, host,
                FailureKind::consecutive_gateway_failure);
  else
    outcomes.gateway_failures.end();
  add_failure(outcomes.errors_5xx, outlier_->consecutive_5xx, host, FailureKind::consecutive_5xx);
}

void HealthReports::count_local_failure(const Host& host, std::size_t worker) const {
  host.outcomes.counts[worker].local_total.add();
  add_failure(host.outcomes.local_failures, outlier_->consecutive_local_origin_failure, host,
              FailureKind::consecutive_local_origin_failure);
}

void HealthReports::add_failure(FailureStreak& streak, std::uint32_t whole, const Host& host,
                                FailureKind kind) const {
  if (!streak.add(whole) || !callbacks_.on_streak) return;
  // Failures of what was on its way when the host was ejected, or that is in panic.
  if (host.health.has(HealthFlag::failed_outlier_check)) return;
  callbacks_.on_streak(host.shared_from_this(), kind);
}

}  // namespace weir::upstream
