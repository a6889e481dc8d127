// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/cluster_health.hpp"

#include <atomic>
#include <deque>
#include <thread>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <gtest/gtest.h>

#include "proxy/upstream/host_set_builder.hpp"
#include "proxy/upstream/load_balancer.hpp"

namespace weir::upstream {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;

constexpr const char* kWell = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
constexpr const char* kRefuses = "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n";

/// A server of one word on 127.0.0.1: each read is answered with `answer`; empty = silence.
class FakeHost {
 public:
  explicit FakeHost(asio::io_context& io) : acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {
    port = acceptor_.local_endpoint().port();
    accept();
  }
  void go_away() {
    acceptor_.close();
    for (const auto& peer : peers_) {
      std::error_code ignored;
      peer->close(ignored);
    }
  }
  std::string answer = kWell;
  std::uint16_t port = 0;
  int connections = 0, requests = 0;

 private:
  void accept() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (error) return;
      ++connections;
      peers_.push_back(std::make_shared<tcp::socket>(std::move(socket)));
      read(peers_.back());
      accept();
    });
  }
  void read(const std::shared_ptr<tcp::socket>& peer) {
    peer->async_read_some(asio::buffer(chunk_), [this, peer](std::error_code error, std::size_t) {
      if (error) return;
      ++requests;
      if (!answer.empty()) asio::write(*peer, asio::buffer(answer), error);
      read(peer);
    });
  }
  tcp::acceptor acceptor_;
  std::array<char, 1024> chunk_;
  std::vector<std::shared_ptr<tcp::socket>> peers_;
};

class ClusterHealthTest : public ::testing::Test {
 protected:
  ClusterHealthTest() {
    config_.name = "c";
    config::HealthCheckConfig check;
    check.kind = config::HealthCheckConfig::Kind::http;
    check.path = "/";
    check.timeout = milliseconds(200);
    check.interval = check.no_traffic_interval = milliseconds(5);
    config_.health_checks.push_back(check);
  }
  ~ClusterHealthTest() override {
    if (health_ != nullptr) health_->stop();
  }
  FakeHost& add_host() {
    FakeHost& host = fakes_.emplace_back(io_);
    add_endpoint(host.port);
    return host;
  }
  void add_endpoint(std::uint16_t port) {
    config::EndpointConfig endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = port;
    config_.endpoints.push_back(endpoint);
  }
  void start() {
    auto config = std::make_shared<config::ClusterConfig>(config_);
    health_ = std::make_shared<ClusterHealth>(
        io_, stats_, config, 1,
        ClusterHealth::Callbacks{
            [this](std::shared_ptr<const HostSet> set) { published_.push_back(std::move(set)); },
            [this](const std::shared_ptr<const Host>& host) { failed_.push_back(host); }});
    found_ = build_static_hosts(*config, 2);
    health_->set_hosts(*found_);
    health_->when_checked([this] { ++checked_; });
  }
  template <class Condition>
  bool run_until(Condition&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      io_.restart();
      io_.run_one_for(milliseconds(50));
    }
    return true;
  }
  [[nodiscard]] std::string flags(std::size_t host) const {
    return to_string_of_health(published_.back()->hosts[host]->health.flags());
  }
  /// The hosts that DNS would find now: those of `found_` with these indices.
  void find(std::initializer_list<std::size_t> indices) {
    HostSet set;
    for (const std::size_t index : indices) set.hosts.push_back(found_->hosts[index]);
    set.epoch = found_->epoch;
    health_->set_hosts(set);
  }
  stats::HealthCheckStats& checks() { return stats_.health_check("c", 2); }
  stats::ClusterHostStats& members() { return stats_.cluster_hosts("c"); }

  asio::io_context io_;
  stats::StatsStore stats_{2};
  std::deque<FakeHost> fakes_;
  config::ClusterConfig config_;
  std::shared_ptr<const HostSet> found_;
  std::shared_ptr<ClusterHealth> health_;
  std::vector<std::shared_ptr<const HostSet>> published_;
  std::vector<std::shared_ptr<const Host>> failed_;
  int checked_ = 0;
};

TEST_F(ClusterHealthTest, HostsAreFailedUntilTheirFirstSuccess) {
  add_host();
  add_host().answer = kRefuses;
  start();
  ASSERT_EQ(published_.size(), 1u);
  EXPECT_EQ(flags(0), "/failed_active_hc");
  EXPECT_EQ(checked_, 0);
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  EXPECT_EQ(flags(0), "healthy");
  EXPECT_EQ(flags(1), "/failed_active_hc");
  EXPECT_EQ(checks().healthy.value(), 1);
  EXPECT_EQ(members().membership_healthy.value(), 1);
  EXPECT_GE(checks().attempt.value(), 2u);
  EXPECT_EQ(failed_.size(), 0u) << "it was never well";
  EXPECT_EQ(published_.size(), 1u) << "health needs no new set";
}

TEST_F(ClusterHealthTest, AFailureAndARecoveryRaiseTheEpochAndAreTold) {
  FakeHost& host = add_host();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  const auto epoch = found_->epoch->value();
  host.answer = kRefuses;
  ASSERT_TRUE(run_until([&] { return flags(0) == "/failed_active_hc"; }));
  EXPECT_EQ(found_->epoch->value(), epoch + 1);
  ASSERT_EQ(failed_.size(), 1u);
  EXPECT_EQ(failed_[0], published_[0]->hosts[0]);
  EXPECT_EQ(members().membership_healthy.value(), 0);
  host.answer = kWell;
  ASSERT_TRUE(run_until([&] { return flags(0) == "healthy"; }));
  EXPECT_EQ(found_->epoch->value(), epoch + 2);
  EXPECT_EQ(host.connections, 1) << "one connection for all checks";
}

TEST_F(ClusterHealthTest, SilenceAndAbsenceFailInTheirOwnWays) {
  config_.health_checks[0].timeout = milliseconds(20);
  FakeHost& silent = add_host();
  silent.answer.clear();
  FakeHost& gone = add_host();
  gone.go_away();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  EXPECT_EQ(flags(0), "/failed_active_hc/active_hc_timeout");
  EXPECT_EQ(flags(1), "/failed_active_hc");
  EXPECT_EQ(checks().failure.value(), checks().network_failure.value());
  EXPECT_EQ(checks().success.value(), 0u);
}

TEST_F(ClusterHealthTest, WithoutReuseEachCheckConnects) {
  config_.health_checks[0].reuse_connection = false;
  FakeHost& host = add_host();
  start();
  ASSERT_TRUE(run_until([&] { return host.requests >= 4; }));
  EXPECT_GE(host.connections, 4);
}

TEST_F(ClusterHealthTest, AConnectionClosedBetweenChecksIsNoFailure) {
  FakeHost& host = add_host();
  host.answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
  start();
  ASSERT_TRUE(run_until([&] { return host.requests >= 4; }));
  EXPECT_EQ(checks().failure.value(), 0u);
}

TEST_F(ClusterHealthTest, TcpChecksConnectOrTalk) {
  auto& check = config_.health_checks[0];
  check.kind = config::HealthCheckConfig::Kind::tcp;
  FakeHost& host = add_host();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1 && host.connections >= 3; }));
  EXPECT_EQ(host.requests, 0);
  EXPECT_EQ(flags(0), "healthy");
  health_->stop();
  check.send = "PING";
  check.receive = {"200", "OK"};
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 2 && host.requests >= 3; }));
  EXPECT_EQ(flags(0), "healthy");
}

TEST_F(ClusterHealthTest, TheCheckMayGoToAnotherPort) {
  FakeHost& checked = fakes_.emplace_back(io_);
  config_.health_checks[0].port = checked.port;
  FakeHost& host = add_host();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  EXPECT_EQ(flags(0), "healthy");
  EXPECT_EQ(host.connections, 0);
  EXPECT_GE(checked.requests, 1);
}

TEST_F(ClusterHealthTest, WhatAHostSaysInTrafficFailsItAtOnce) {
  config_.health_checks[0].healthy_threshold = 2;
  add_host();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  published_.back()->reports->fail_now(*published_.back()->hosts[0]);
  ASSERT_TRUE(run_until([&] { return !failed_.empty(); }));
  EXPECT_EQ(flags(0), "/failed_active_hc/excluded_via_immediate_hc_fail");
  EXPECT_EQ(checks().passive_failure.value(), 1u);
  EXPECT_EQ(members().membership_excluded.value(), 1);
  ASSERT_TRUE(run_until([&] { return flags(0) == "healthy"; }));
  EXPECT_EQ(members().membership_excluded.value(), 0);
}

TEST_F(ClusterHealthTest, AHostThatLeftStaysUntilItFails) {
  add_host();
  FakeHost& leaver = add_host();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  const auto host = published_.back()->hosts[1];
  find({0});
  ASSERT_EQ(published_.back()->hosts.size(), 2u);
  EXPECT_EQ(published_.back()->hosts[1], host);
  EXPECT_EQ(flags(1), "/pending_dynamic_removal");
  EXPECT_EQ(host->health.state(), HealthState::healthy);
  find({1, 0});
  EXPECT_EQ(published_.back()->hosts[0], host);
  EXPECT_EQ(flags(0), "healthy");
  find({0});
  leaver.answer = kRefuses;
  ASSERT_TRUE(run_until([&] { return published_.back()->hosts.size() == 1; }));
  EXPECT_EQ(failed_.back(), host);
  const auto requests = leaver.requests;
  ASSERT_TRUE(run_until([&, more = fakes_[0].requests + 3] { return fakes_[0].requests >= more; }));
  EXPECT_LE(leaver.requests, requests + 1) << "nobody checks it any more";
}

TEST_F(ClusterHealthTest, AHostThatIsNotWellLeavesAtOnce) {
  add_host();
  add_host().answer = kRefuses;
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  find({0});
  EXPECT_EQ(published_.back()->hosts.size(), 1u);
}

TEST_F(ClusterHealthTest, HealthMayBeIgnoredOnRemoval) {
  config_.ignore_health_on_removal = true;
  add_host();
  add_host();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  find({0});
  EXPECT_EQ(published_.back()->hosts.size(), 1u);
}

TEST_F(ClusterHealthTest, WithoutHostsTheFirstRoundIsOverAtOnce) {
  start();
  EXPECT_EQ(checked_, 1);
}

TEST_F(ClusterHealthTest, ARowOfFailuresEjectsAndAPassedCheckBringsBack) {
  config_.outlier_detection.emplace().max_ejection_percent = 100;
  config_.health_checks[0].interval = config_.health_checks[0].no_traffic_interval =
      milliseconds(50);
  FakeHost& host = add_host();
  start();
  ASSERT_TRUE(run_until([&] { return checked_ == 1; }));
  const auto& set = published_.back();
  for (int i = 0; i < 5; ++i) set->reports->report_status(*set->hosts[0], 0, 500);
  ASSERT_TRUE(run_until([&] { return !failed_.empty(); }));
  EXPECT_EQ(flags(0), "/failed_outlier_check");
  host.answer = kRefuses;
  ASSERT_TRUE(run_until([&] { return flags(0) == "/failed_active_hc/failed_outlier_check"; }));
  host.answer = kWell;
  ASSERT_TRUE(run_until([&] { return flags(0) == "healthy"; }));
  EXPECT_EQ(stats_.outlier_detection("c", 2).ejections_active.value(), 0);
}

TEST_F(ClusterHealthTest, EjectionsEndByThemselves) {
  config_.health_checks.clear();
  auto& outliers = config_.outlier_detection.emplace();
  outliers.max_ejection_percent = 100;
  outliers.interval = milliseconds(10);
  outliers.base_ejection_time = milliseconds(40);
  add_endpoint(1);
  start();
  EXPECT_EQ(checked_, 1);
  EXPECT_EQ(flags(0), "healthy");
  const auto& set = published_.back();
  for (int i = 0; i < 5; ++i) set->reports->report(*set->hosts[0], 1, Outcome::connect_failed);
  ASSERT_TRUE(run_until([&] { return flags(0) == "/failed_outlier_check"; }));
  const auto epoch = set->epoch->value();
  ASSERT_TRUE(run_until([&] { return flags(0) == "healthy"; }));
  EXPECT_EQ(set->epoch->value(), epoch + 1);
}

TEST_F(ClusterHealthTest, NewsFromWorkersAfterTheEndIsHarmless) {
  config_.outlier_detection.emplace();
  add_host();
  start();
  const auto set = published_.back();
  for (int i = 0; i < 5; ++i) set->reports->report_status(*set->hosts[0], 0, 500);
  set->reports->fail_now(*set->hosts[0]);
  health_->stop();
  health_.reset();
  for (int i = 0; i < 5; ++i) set->reports->report_status(*set->hosts[0], 0, 500);
  io_.restart();
  io_.poll();
  EXPECT_EQ(failed_.size(), 0u);
}

TEST_F(ClusterHealthTest, WorkersPickAndReportWhileHostsComeAndGo) {
  config_.health_checks.clear();
  auto& outliers = config_.outlier_detection.emplace();
  outliers.max_ejection_percent = 50;
  outliers.interval = outliers.base_ejection_time = milliseconds(1);
  for (std::uint16_t port = 1; port <= 8; ++port) add_endpoint(port);
  start();
  const auto set = published_.back();
  std::atomic<bool> done{false};
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < 2; ++worker)
    workers.emplace_back([&, worker] {
      LoadBalancer balancer(config::LbPolicy::round_robin, 0, worker);
      Random random(worker);
      for (std::uint64_t i = 0; !done; ++i) {
        const auto host = balancer.pick(set, random);
        ASSERT_NE(host, nullptr);
        // Ports 1 to 3 always fail.
        const bool bad = host->address.endpoint.port <= 3;
        set->reports->report_status(*host, worker, bad ? 503 : 200);
      }
    });
  const bool ejected = run_until(
      [&] { return stats_.outlier_detection("c", 2).ejections_enforced_total.value() >= 50; });
  done = true;
  for (auto& worker : workers) worker.join();
  EXPECT_TRUE(ejected);
  for (std::size_t i = 3; i < 8; ++i) EXPECT_EQ(flags(i), "healthy");
}

}  // namespace
}  // namespace weir::upstream
