// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/outlier_detector.hpp"

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class OutlierDetectorTest : public ::testing::Test {
 protected:
  void make(std::size_t hosts, config::OutlierDetectionConfig config = {}) {
    config_ = config;
    hosts_.clear();
    for (std::size_t i = 0; i < hosts; ++i) {
      auto host = std::make_shared<Host>();
      host->hostname = std::to_string(i);
      host->outcomes.counts = std::vector<OutcomeCounts>(2);
      hosts_.push_back(std::move(host));
    }
    detector_.emplace(config_, stats_, 1);
    detector_->set_hosts(hosts_);
  }
  /// Names of the hosts that a step has failed ("-1") or brought back ("+1").
  static std::string text(const OutlierDetector::Changes& changes) {
    std::string out;
    for (const HealthChange& change : changes)
      out += (change.failed ? "-" : "+") + change.host->hostname;
    return out;
  }
  std::string streak(std::size_t host, FailureKind kind = FailureKind::consecutive_5xx) {
    return text(detector_->on_streak(hosts_[host], kind, now_));
  }
  std::string after(milliseconds time) { return text(detector_->on_interval(now_ += time)); }
  void traffic(std::size_t host, int total, int succeeded, bool local = false) {
    for (int i = 0; i < total; ++i) {
      OutcomeCounts& counts = hosts_[host]->outcomes.counts[static_cast<std::size_t>(i % 2)];
      (local ? counts.local_total : counts.total).add();
      if (i < succeeded) (local ? counts.local_succeeded : counts.succeeded).add();
    }
  }
  [[nodiscard]] bool ejected(std::size_t host) const {
    return hosts_[host]->health.has(HealthFlag::failed_outlier_check);
  }

  config::OutlierDetectionConfig config_;
  stats::OutlierDetectionStats stats_;
  std::vector<std::shared_ptr<const Host>> hosts_;
  std::optional<OutlierDetector> detector_;
  OutlierDetector::TimePoint now_{std::chrono::hours(1)};
};

config::OutlierDetectionConfig at_most(std::uint32_t percent) {
  config::OutlierDetectionConfig config;
  config.max_ejection_percent = percent;
  return config;
}

TEST_F(OutlierDetectorTest, ARowEjectsAtOnceForTheBaseTime) {
  make(2, at_most(50));
  const auto changes = detector_->on_streak(hosts_[1], FailureKind::consecutive_5xx, now_);
  ASSERT_EQ(text(changes), "-1");
  EXPECT_EQ(changes[0].what, "ejected for 30000 ms: 5 failures (5xx) in a row");
  EXPECT_TRUE(ejected(1));
  EXPECT_EQ(stats_.ejections_active.value(), 1);
  EXPECT_EQ(stats_.ejections_enforced_total.value(), 1u);
  EXPECT_EQ(stats_.ejections_detected_consecutive_5xx.value(), 1u);
  EXPECT_EQ(stats_.ejections_enforced_consecutive_5xx.value(), 1u);
  EXPECT_EQ(streak(1), "") << "ejected already";
  EXPECT_EQ(stats_.ejections_detected_consecutive_5xx.value(), 1u);
  EXPECT_EQ(after(seconds(29)), "");
  EXPECT_EQ(after(seconds(1)), "+1");
  EXPECT_FALSE(ejected(1));
  EXPECT_EQ(stats_.ejections_active.value(), 0);
}

// Each row was seen in Envoy 1.40: hosts, max_ejection_percent, always_eject_one_host, ejected.
TEST_F(OutlierDetectorTest, NoMoreThanTheMostAreEjected) {
  struct Row {
    std::size_t hosts;
    std::uint32_t percent;
    bool always_one;
    std::size_t ejected;
  };
  for (const Row& row : {Row{2, 10, false, 0}, Row{2, 10, true, 1}, Row{3, 34, false, 1},
                         Row{3, 33, false, 0}, Row{2, 50, false, 1}, Row{2, 100, false, 2},
                         Row{10, 10, false, 1}, Row{20, 10, false, 2}, Row{3, 0, true, 1}}) {
    auto config = at_most(row.percent);
    config.always_eject_one_host = row.always_one;
    make(row.hosts, config);
    const auto overflow = stats_.ejections_overflow.value();
    std::size_t count = 0;
    for (std::size_t i = 0; i < row.hosts; ++i) count += streak(i).empty() ? 0 : 1;
    EXPECT_EQ(count, row.ejected) << row.hosts << " hosts, " << row.percent << " %";
    EXPECT_EQ(stats_.ejections_overflow.value() - overflow, row.hosts - row.ejected);
  }
}

TEST_F(OutlierDetectorTest, WithEnforcingZeroItIsOnlyNoticed) {
  make(4, at_most(100));
  EXPECT_EQ(streak(0, FailureKind::consecutive_gateway_failure), "");
  EXPECT_EQ(stats_.ejections_detected_consecutive_gateway_failure.value(), 1u);
  EXPECT_EQ(stats_.ejections_enforced_consecutive_gateway_failure.value(), 0u);
  EXPECT_EQ(streak(0, FailureKind::consecutive_local_origin_failure), "-0");
  EXPECT_EQ(stats_.ejections_enforced_consecutive_local_origin_failure.value(), 1u);
}

TEST_F(OutlierDetectorTest, EnforcingIsAShareOfTheCases) {
  auto config = at_most(100);
  config.enforcing_consecutive_5xx = 30;
  config.base_ejection_time = milliseconds(0);
  make(1, config);
  int enforced = 0;
  for (int i = 0; i < 1000; ++i) {
    enforced += streak(0).empty() ? 0 : 1;
    after(milliseconds(1));
  }
  EXPECT_NEAR(enforced, 300, 60);
}

TEST_F(OutlierDetectorTest, EachEjectionLastsLonger) {
  auto config = at_most(100);
  config.base_ejection_time = seconds(10);
  config.max_ejection_time = seconds(25);
  make(1, config);
  const auto lasts = [&] {
    EXPECT_EQ(streak(0), "-0");
    int spent = 0;
    while (after(seconds(1)).empty()) ++spent;
    return spent + 1;
  };
  EXPECT_EQ(lasts(), 10);
  EXPECT_EQ(lasts(), 20);
  EXPECT_EQ(lasts(), 25) << "max_ejection_time";
  EXPECT_EQ(lasts(), 25);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(after(seconds(1)), "") << "each is a step back";
  EXPECT_EQ(lasts(), 20);
}

TEST_F(OutlierDetectorTest, APassedCheckEndsTheEjection) {
  make(1, at_most(100));
  EXPECT_EQ(text(detector_->on_check_passed(*hosts_[0])), "");
  EXPECT_EQ(streak(0), "-0");
  EXPECT_EQ(text(detector_->on_check_passed(*hosts_[0])), "+0");
  EXPECT_EQ(stats_.ejections_active.value(), 0);
}

TEST_F(OutlierDetectorTest, ARowThatHadBegunIsForgottenWithTheEjection) {
  make(1, at_most(100));
  EXPECT_EQ(streak(0), "-0");
  hosts_[0]->outcomes.errors_5xx.add(5);
  EXPECT_EQ(after(seconds(30)), "+0");
  EXPECT_EQ(hosts_[0]->outcomes.errors_5xx.length(), 0u);
}

TEST_F(OutlierDetectorTest, HostsThatLeaveAreForgottenThoseThatStayRemainEjected) {
  make(4, at_most(100));
  EXPECT_EQ(streak(0) + streak(1), "-0-1");
  const auto gone = hosts_[0];
  hosts_.erase(hosts_.begin());
  detector_->set_hosts(hosts_);
  EXPECT_EQ(stats_.ejections_active.value(), 1);
  EXPECT_EQ(text(detector_->on_streak(gone, FailureKind::consecutive_5xx, now_)), "");
  EXPECT_TRUE(ejected(0));
  EXPECT_EQ(after(seconds(30)), "+1");
}

TEST_F(OutlierDetectorTest, SuccessRatesFarBelowTheAverageEject) {
  auto config = at_most(50);
  config.success_rate_stdev_factor = 1900;
  make(6, config);
  for (std::size_t i = 0; i < 5; ++i) traffic(i, 200, 198);
  traffic(5, 200, 100);
  const auto changes = detector_->on_interval(now_);
  ASSERT_EQ(text(changes), "-5");
  // Average (5 · 99 + 50) / 6 = 90.83, deviation 18.26: threshold 56.1.
  EXPECT_EQ(changes[0].what, "ejected for 30000 ms: success rate 50.0 % is below 56.1 %");
  EXPECT_NEAR(detector_->external().average, 90.83, 0.01);
  EXPECT_NEAR(detector_->external().threshold, 56.14, 0.01);
  EXPECT_EQ(hosts_[5]->outcomes.success_rate, 50);
  EXPECT_EQ(hosts_[0]->outcomes.success_rate, 99);
  EXPECT_EQ(stats_.ejections_enforced_success_rate.value(), 1u);
  EXPECT_EQ(detector_->local(), SuccessRates());
  EXPECT_EQ(after(seconds(10)), "");
  EXPECT_EQ(hosts_[0]->outcomes.success_rate, -1) << "no traffic in this interval";
}

TEST_F(OutlierDetectorTest, TooFewHostsOrRequestsAreNotJudged) {
  make(4, at_most(100));
  for (std::size_t i = 0; i < 4; ++i) traffic(i, 200, i == 0 ? 0 : 200);
  EXPECT_EQ(after(seconds(10)), "");
  make(6, at_most(100));
  for (std::size_t i = 0; i < 6; ++i) traffic(i, 99, i == 0 ? 0 : 99);
  EXPECT_EQ(after(seconds(10)), "");
  EXPECT_EQ(stats_.ejections_detected_success_rate.value(), 0u);
}

TEST_F(OutlierDetectorTest, AnIntervalDoesNotRememberTheOneBefore) {
  make(6, at_most(100));
  for (std::size_t i = 0; i < 6; ++i) traffic(i, 60, i == 0 ? 0 : 60);
  EXPECT_EQ(after(seconds(10)), "");
  for (std::size_t i = 0; i < 6; ++i) traffic(i, 60, i == 0 ? 0 : 60);
  EXPECT_EQ(after(seconds(10)), "") << "60 and 60 are not 120";
}

TEST_F(OutlierDetectorTest, FailurePercentage) {
  auto config = at_most(100);
  config.enforcing_failure_percentage = 100;
  config.enforcing_success_rate = 0;
  make(5, config);
  traffic(0, 50, 7);    // 86 % failed
  traffic(1, 50, 8);    // 84 %
  traffic(2, 49, 0);    // too few
  traffic(3, 100, 15);  // 85 %, the threshold
  traffic(4, 50, 50);
  EXPECT_EQ(after(seconds(10)), "") << "four hosts with enough requests, five are wanted";
  for (std::size_t i = 0; i < 5; ++i)
    traffic(i, 100, i == 1 ? 16 : i == 0 ? 14 : i == 3 ? 15 : 100);
  EXPECT_EQ(after(seconds(10)), "-0-3");
  EXPECT_EQ(stats_.ejections_enforced_failure_percentage.value(), 2u);
}

TEST_F(OutlierDetectorTest, LocalOriginHasRatesOfItsOwn) {
  make(6, at_most(100));
  for (std::size_t i = 0; i < 6; ++i) traffic(i, 200, i == 3 ? 20 : 200, true);
  EXPECT_EQ(after(seconds(10)), "-3");
  EXPECT_EQ(stats_.ejections_enforced_local_origin_success_rate.value(), 1u);
  EXPECT_EQ(stats_.ejections_detected_success_rate.value(), 0u);
  EXPECT_EQ(hosts_[3]->outcomes.local_success_rate, 10);
  EXPECT_EQ(detector_->external(), SuccessRates());
  EXPECT_GT(detector_->local().average, 80);
}

}  // namespace
}  // namespace weir::upstream
