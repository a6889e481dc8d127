// SPDX-License-Identifier: Apache-2.0
// HealthChecker: the active checks of all hosts of one cluster.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "proxy/upstream/health/active_check.hpp"

namespace weir::upstream {

/// Main thread only. Nothing is called after destruction.
class HealthChecker {
 public:
  /// `config` has a health check: the first one counts. `io` and `stats` outlive the checker.
  HealthChecker(asio::io_context& io, std::shared_ptr<const config::ClusterConfig> config,
                stats::HealthCheckStats& stats, std::uint64_t seed,
                std::function<bool()> has_traffic,
                decltype(ActiveCheck::Shared::on_result) on_result);
  HealthChecker(const HealthChecker&) = delete;
  HealthChecker& operator=(const HealthChecker&) = delete;
  ~HealthChecker();

  /// The hosts from now on. New ones are failed until their first check succeeds.
  void set_hosts(const std::vector<std::shared_ptr<const Host>>& hosts);
  void fail_now(const Host& host);
  /// Every host has had a first result.
  [[nodiscard]] bool all_checked() const;
  /// Brings health_check.healthy and health_check.degraded up to date.
  void count_health();

 private:
  ActiveCheck::Shared shared_;
  std::unordered_map<const Host*, std::shared_ptr<ActiveCheck>> checks_;
};

}  // namespace weir::upstream
