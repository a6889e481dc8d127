// SPDX-License-Identifier: Apache-2.0
// OutlierDetector: which hosts of a cluster are left out for a while, because of what became of the
// requests to them. Time is a parameter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/stats/cluster_blocks.hpp"
#include "proxy/upstream/health/health_change.hpp"
#include "proxy/upstream/health_reports.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::upstream {

/// Success rates of a cluster's hosts in the last interval, percent; -1 = too little traffic.
struct SuccessRates {
  double average = -1;
  double threshold = -1;  // hosts below it are outliers
  bool operator==(const SuccessRates&) const = default;
};

/// Envoy's rules. Sets and clears failed_outlier_check of the hosts; the caller raises the epoch
/// when a change is returned. Main thread only.
class OutlierDetector {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Changes = std::vector<HealthChange>;

  OutlierDetector(const config::OutlierDetectionConfig& config, stats::OutlierDetectionStats& stats,
                  std::uint64_t seed)
      : config_(config), stats_(stats), random_(seed) {}

  /// The hosts from now on. One that stays keeps its ejection.
  void set_hosts(const std::vector<std::shared_ptr<const Host>>& hosts);

  /// A worker has seen the last failure of a row. Ejects at once, if the limits allow it.
  Changes on_streak(const std::shared_ptr<const Host>& host, FailureKind kind, TimePoint now);
  /// Every config.interval: ends ejections that are over, then judges the rates of the interval.
  Changes on_interval(TimePoint now);
  /// An active check of the host has succeeded: an ejection ends.
  Changes on_check_passed(const Host& host);

  [[nodiscard]] const SuccessRates& external() const noexcept { return external_; }
  [[nodiscard]] const SuccessRates& local() const noexcept { return local_; }

 private:
  struct Counted {
    std::uint64_t total = 0, succeeded = 0;
  };
  struct Record {
    std::shared_ptr<const Host> host;
    Counted external_before, local_before;  // when the interval began
    Counted external, local;                // in the interval that has ended
    std::uint32_t backoff = 0;              // factor of the ejection time
    TimePoint ejected_at{};
  };
  /// Why a host is an outlier, with what is counted for it.
  struct Cause {
    std::string text;
    stats::Counter& detected;
    stats::Counter& enforced;
    std::uint32_t enforcing = 100;  // percent
  };

  Record* find(const Host& host);
  Cause cause_of(FailureKind kind);
  [[nodiscard]] bool may_eject_one_more() const;
  void eject(Record& record, const Cause& cause, TimePoint now, Changes& changes);
  void uneject(Record& record, Changes& changes);
  void end_ejection_if_over(Record& record, TimePoint now, Changes& changes);
  void close_interval(Record& record);
  [[nodiscard]] std::chrono::milliseconds ejection_time(const Record& record) const;

  using Counts = Counted Record::*;
  void judge_rates(bool local, TimePoint now, Changes& changes);
  void judge_success_rate(bool local, TimePoint now, Changes& changes);
  void judge_failure_percentage(bool local, TimePoint now, Changes& changes);
  std::vector<Record*> hosts_with(Counts counts, std::uint32_t volume);

  const config::OutlierDetectionConfig config_;
  stats::OutlierDetectionStats& stats_;
  Random random_;
  std::vector<Record> records_;  // in the hosts' order
  std::size_t ejected_ = 0;
  SuccessRates external_, local_;
};

}  // namespace weir::upstream
