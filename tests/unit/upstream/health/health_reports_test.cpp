// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health_reports.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

struct Told {
  std::vector<FailureKind> streaks;
  int immediate = 0;
};

class HealthReportsTest : public ::testing::Test {
 protected:
  HealthReports reports(bool split = false) {
    config::OutlierDetectionConfig config;
    config.consecutive_5xx = 3;
    config.consecutive_gateway_failure = 2;
    config.consecutive_local_origin_failure = 2;
    config.split_external_local_origin_errors = split;
    return HealthReports(config, {[this](auto, FailureKind kind) { told_.streaks.push_back(kind); },
                                  [this](auto) { ++told_.immediate; }});
  }
  static std::shared_ptr<Host> host() {
    auto made = std::make_shared<Host>();
    made->outcomes.counts = std::vector<OutcomeCounts>(2);
    return made;
  }
  Told told_;
  const std::shared_ptr<Host> host_ = host();
};

using Kinds = std::vector<FailureKind>;

TEST_F(HealthReportsTest, TheLastFailureOfARowTells) {
  const auto to = reports();
  for (int i = 0; i < 2; ++i) to.report_status(*host_, 0, 500);
  EXPECT_EQ(told_.streaks, Kinds{});
  to.report_status(*host_, 1, 500);
  EXPECT_EQ(told_.streaks, Kinds{FailureKind::consecutive_5xx}) << "over all workers";
  for (int i = 0; i < 5; ++i) to.report_status(*host_, 0, 500);
  EXPECT_EQ(told_.streaks.size(), 2u) << "the next row; what nobody acts on is told again";
  host_->health.set(HealthFlag::failed_outlier_check);
  for (int i = 0; i < 9; ++i) to.report_status(*host_, 0, 500);
  EXPECT_EQ(told_.streaks.size(), 2u) << "of an ejected host nothing is news";
}

TEST_F(HealthReportsTest, ASuccessEndsTheRow) {
  const auto to = reports();
  for (int i = 0; i < 9; ++i) {
    to.report_status(*host_, 0, 500);
    to.report_status(*host_, 0, 500);
    to.report_status(*host_, 0, i % 2 == 0 ? 200 : 404);
  }
  EXPECT_EQ(told_.streaks, Kinds{});
  EXPECT_EQ(host_->outcomes.counts[0].total.value(), 27u);
  EXPECT_EQ(host_->outcomes.counts[0].succeeded.value(), 9u);
}

TEST_F(HealthReportsTest, GatewayFailuresHaveARowOfTheirOwn) {
  const auto to = reports();
  to.report_status(*host_, 0, 502);
  to.report_status(*host_, 0, 500);
  to.report_status(*host_, 0, 503);
  EXPECT_EQ(told_.streaks, Kinds{FailureKind::consecutive_5xx});
  to.report_status(*host_, 0, 504);
  EXPECT_EQ(told_.streaks.back(), FailureKind::consecutive_gateway_failure);
}

TEST_F(HealthReportsTest, NotSplitLocalFailuresAreGatewayFailures) {
  const auto to = reports();
  to.report(*host_, 0, Outcome::connect_failed);
  to.report(*host_, 0, Outcome::connected);  // says nothing: the request will
  to.report(*host_, 0, Outcome::timeout);
  EXPECT_EQ(told_.streaks, Kinds{FailureKind::consecutive_gateway_failure});
  to.report(*host_, 0, Outcome::request_failed);  // 500
  EXPECT_EQ(told_.streaks.back(), FailureKind::consecutive_5xx);
  to.report(*host_, 0, Outcome::connected_final);
  EXPECT_EQ(host_->outcomes.errors_5xx.length(), 0u);
  EXPECT_EQ(host_->outcomes.counts[0].local_total.value(), 0u);
}

TEST_F(HealthReportsTest, SplitLocalFailuresAreCountedApart) {
  const auto to = reports(true);
  to.report(*host_, 0, Outcome::connect_failed);
  to.report(*host_, 0, Outcome::connected);
  to.report(*host_, 0, Outcome::connect_failed);
  EXPECT_EQ(told_.streaks, Kinds{});
  to.report(*host_, 1, Outcome::timeout);
  EXPECT_EQ(told_.streaks, Kinds{FailureKind::consecutive_local_origin_failure});
  EXPECT_EQ(host_->outcomes.errors_5xx.length(), 0u);
  EXPECT_EQ(host_->outcomes.counts[0].local_total.value(), 3u);
  EXPECT_EQ(host_->outcomes.counts[0].local_succeeded.value(), 1u);
  for (int i = 0; i < 3; ++i) to.report(*host_, 0, Outcome::request_failed);
  EXPECT_EQ(told_.streaks.back(), FailureKind::consecutive_5xx);
}

TEST_F(HealthReportsTest, WithoutOutlierDetectionNothingIsCounted) {
  const HealthReports to(std::nullopt, {nullptr, [this](auto) { ++told_.immediate; }});
  for (int i = 0; i < 9; ++i) to.report_status(*host_, 0, 500);
  EXPECT_EQ(host_->outcomes.counts[0].total.value(), 0u);
  to.fail_now(*host_);
  EXPECT_EQ(told_.immediate, 1);
}

TEST_F(HealthReportsTest, WorkersMayReportTogether) {
  std::atomic<int> streaks{0};
  config::OutlierDetectionConfig config;
  config.consecutive_5xx = 400;
  const HealthReports to(config, {[&](auto, FailureKind kind) {
                                    streaks += kind == FailureKind::consecutive_5xx ? 1 : 0;
                                  },
                                  nullptr});
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < 2; ++worker)
    workers.emplace_back([&, worker] {
      for (int i = 0; i < 1000; ++i) to.report_status(*host_, worker, 500);
    });
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(streaks, 5);
  EXPECT_EQ(host_->outcomes.errors_5xx.length(), 0u);
  EXPECT_EQ(host_->outcomes.counts[0].total.value() + host_->outcomes.counts[1].total.value(),
            2000u);
}

}  // namespace
}  // namespace weir::upstream
