// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/health_checker.hpp"

#include <algorithm>
#include <utility>

namespace weir::upstream {

HealthChecker::HealthChecker(asio::io_context& io,
                             std::shared_ptr<const config::ClusterConfig> config,
                             stats::HealthCheckStats& stats, std::uint64_t seed,
                             std::function<bool()> has_traffic,
                             decltype(ActiveCheck::Shared::on_result) on_result)
    : shared_{io,
              config,
              config->health_checks.front(),
              stats,
              Random(seed),
              std::move(has_traffic),
              std::move(on_result)} {}

HealthChecker::~HealthChecker() {
  for (const auto& [host, check] : checks_) check->stop();
}

void HealthChecker::set_hosts(const std::vector<std::shared_ptr<const Host>>& hosts) {
  auto known = std::exchange(checks_, {});
  for (const auto& host : hosts) {
    if (const auto kept = known.find(host.get()); kept != known.end()) {
      checks_.insert(known.extract(kept));
      continue;
    }
    host->health.set(HealthFlag::failed_active_hc);
    auto check = std::make_shared<ActiveCheck>(shared_, host);
    check->start();
    checks_.emplace(host.get(), std::move(check));
  }
  for (const auto& [host, check] : known) check->stop();
  count_health();
}

void HealthChecker::fail_now(const Host& host) {
  if (const auto at = checks_.find(&host); at != checks_.end()) at->second->fail_now();
}

bool HealthChecker::all_checked() const {
  return std::none_of(checks_.begin(), checks_.end(),
                      [](const auto& entry) { return entry.second->is_new(); });
}

void HealthChecker::count_health() {
  std::int64_t healthy = 0, degraded = 0;
  for (const auto& [host, check] : checks_) {
    healthy += host->health.has(HealthFlag::failed_active_hc) ? 0 : 1;
    degraded += host->health.has(HealthFlag::degraded_active_hc) ? 1 : 0;
  }
  shared_.stats.healthy.set(healthy);
  shared_.stats.degraded.set(degraded);
}

}  // namespace weir::upstream
