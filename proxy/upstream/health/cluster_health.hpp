// SPDX-License-Identifier: Apache-2.0
// ClusterHealth: who decides which hosts of a cluster are well: active checks, outlier detection,
// or both.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <asio/steady_timer.hpp>

#include "proxy/stats/stats_store.hpp"
#include "proxy/upstream/health/health_checker.hpp"
#include "proxy/upstream/health/outlier_detector.hpp"

namespace weir::upstream {

/// Lives on the main thread, held by shared_ptr: workers' news may be on their way when it goes.
/// Changes the hosts' flags, raises the epoch, counts and logs each change.
class ClusterHealth : public std::enable_shared_from_this<ClusterHealth> {
 public:
  struct Callbacks {
    /// The hosts to be published, with what the workers report to. Also when a host that was only
    /// kept because it was well has failed.
    std::function<void(std::shared_ptr<const HostSet>)> publish;
    /// The host is not to be used any more.
    std::function<void(const std::shared_ptr<const Host>&)> on_failed;
  };

  /// Whether the cluster needs one.
  static bool is_needed(const config::ClusterConfig& config);

  /// `io` and `stats` outlive it.
  ClusterHealth(asio::io_context& io, stats::StatsStore& stats,
                std::shared_ptr<const config::ClusterConfig> config, std::uint64_t seed,
                Callbacks callbacks);
  ~ClusterHealth();

  /// The cluster's hosts from now on. Publishes them, and with them those that have left but are
  /// well, unless the cluster ignores health on removal.
  void set_hosts(const HostSet& found);
  /// Calls `done` once, when every host has had its first check: at once if that is so already.
  void when_checked(std::function<void()> done);
  /// Ends checks and judgements. Nothing is called afterwards.
  void stop();

  /// nullptr without outlier detection.
  [[nodiscard]] const OutlierDetector* outliers() const {
    return outliers_ ? &*outliers_ : nullptr;
  }

 private:
  using Hosts = std::vector<std::shared_ptr<const Host>>;
  std::shared_ptr<const HealthReports> make_reports();
  [[nodiscard]] Hosts merge(const Hosts& found) const;
  void publish(Hosts hosts);
  void drop_failed_leavers();
  void on_check(const std::shared_ptr<const Host>& host, CheckTransition transition,
                const CheckResult& result, bool first);
  void log_check(const Host& host, CheckTransition transition, const CheckResult& result,
                 bool first) const;
  void apply(const OutlierDetector::Changes& changes);
  void after_change();
  void judge_every_interval();
  [[nodiscard]] bool has_traffic() const;

  asio::io_context& io_;
  stats::StatsStore& stats_;
  const std::shared_ptr<const config::ClusterConfig> config_;
  Callbacks callbacks_;
  std::vector<const stats::LazyClusterStats*> traffic_;  // of each worker
  std::optional<OutlierDetector> outliers_;
  std::optional<HealthChecker> checker_;
  asio::steady_timer interval_;
  std::shared_ptr<HealthEpoch> epoch_;
  std::shared_ptr<const HealthReports> reports_;
  Hosts hosts_;  // as published
  std::function<void()> on_checked_;
  bool stopped_ = false;
};

/// Brings membership_* of a cluster up to date.
void count_membership(stats::ClusterHostStats& stats,
                      const std::vector<std::shared_ptr<const Host>>& hosts);

}  // namespace weir::upstream
