// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/check_state.hpp"

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

using Kind = CheckResult::Kind;
using std::chrono::milliseconds;

config::HealthCheckConfig thresholds(std::uint32_t unhealthy, std::uint32_t healthy) {
  config::HealthCheckConfig config;
  config.unhealthy_threshold = unhealthy;
  config.healthy_threshold = healthy;
  return config;
}

/// One letter a result: p passed, d degraded, r refused, e retriable, n network, t timeout,
/// x passive. After each: '+' usable, '-' failed, and '!' in front of it for a change, '?' for one
/// that is pending.
std::string run(std::string_view results, const config::HealthCheckConfig& config,
                HostHealth& health) {
  CheckState state(config);
  std::string out;
  for (const char letter : results) {
    const Kind kind = letter == 'p'   ? Kind::passed
                      : letter == 'd' ? Kind::degraded
                      : letter == 'r' ? Kind::refused
                      : letter == 'e' ? Kind::retriable
                      : letter == 'n' ? Kind::network
                      : letter == 't' ? Kind::timeout
                                      : Kind::passive;
    const auto transition = state.apply(health, {kind, "", false});
    if (transition == CheckTransition::changed) out += '!';
    if (transition == CheckTransition::pending) out += '?';
    out += health.has(HealthFlag::failed_active_hc) ? '-' : '+';
  }
  return out;
}

std::string from_start(std::string_view results, std::uint32_t unhealthy, std::uint32_t healthy) {
  HostHealth health;
  health.set(HealthFlag::failed_active_hc);
  return run(results, thresholds(unhealthy, healthy), health);
}

TEST(CheckState, TheFirstSuccessIsEnough) {
  EXPECT_EQ(from_start("p", 3, 3), "!+");
  EXPECT_EQ(from_start("n", 3, 3), "-");
}

TEST(CheckState, LaterItTakesTheThreshold) {
  EXPECT_EQ(from_start("nppp", 3, 3), "-?-?-!+");
  EXPECT_EQ(from_start("nppnppp", 3, 3), "-?-?--?-?-!+") << "in a row";
  EXPECT_EQ(from_start("np", 3, 1), "-!+");
}

TEST(CheckState, NetworkFailuresTakeTheThreshold) {
  EXPECT_EQ(from_start("pnnn", 3, 1), "!+?+?+!-");
  EXPECT_EQ(from_start("pnnpnnt", 3, 1), "!+?+?++?+?+!-");
  EXPECT_EQ(from_start("pn", 1, 1), "!+!-");
}

TEST(CheckState, ARefusalFailsAtOnceARetriableOneTakesTheThreshold) {
  EXPECT_EQ(from_start("pr", 3, 1), "!+!-");
  EXPECT_EQ(from_start("pee", 2, 1), "!+?+!-");
  EXPECT_EQ(from_start("px", 3, 1), "!+!-");
}

TEST(CheckState, DegradedIsAChangeOfItsOwn) {
  EXPECT_EQ(from_start("dpdd", 3, 1), "!+!+!++");
  HostHealth health;
  run("d", thresholds(1, 1), health);
  EXPECT_EQ(health.state(), HealthState::degraded);
}

TEST(CheckState, TheTimeoutFlagFollowsTheLastFailure) {
  HostHealth health;
  const auto config = thresholds(2, 2);
  run("t", config, health);
  EXPECT_EQ(to_string_of_health(health.flags()), "healthy");
  run("tt", config, health);
  EXPECT_EQ(to_string_of_health(health.flags()), "/failed_active_hc/active_hc_timeout");
  run("n", config, health);
  EXPECT_EQ(to_string_of_health(health.flags()), "/failed_active_hc");
  run("t", config, health);
  run("p", config, health);
  EXPECT_EQ(to_string_of_health(health.flags()), "healthy");
}

TEST(CheckState, AHostThatSaysSoIsExcludedUntilItRecovers) {
  const auto config = thresholds(3, 2);
  HostHealth health;
  CheckState state(config);
  state.apply(health, {Kind::passed, "", false});
  state.apply(health, {Kind::passive, "", true});
  EXPECT_TRUE(is_excluded(health.flags()));
  EXPECT_EQ(health.state(), HealthState::unhealthy);
  state.apply(health, {Kind::passed, "", false});
  EXPECT_TRUE(is_excluded(health.flags()));
  state.apply(health, {Kind::passed, "", false});
  EXPECT_EQ(health.flags(), 0u);
}

TEST(HealthFlags, AreWrittenInEnvoysOrder) {
  EXPECT_EQ(to_string_of_health(HealthFlag::failed_outlier_check | HealthFlag::failed_active_hc),
            "/failed_active_hc/failed_outlier_check");
  EXPECT_EQ(to_string_of_health(HealthFlag::eds_status_draining | HealthFlag::failed_active_hc |
                                HealthFlag::active_hc_timeout),
            "/failed_active_hc/active_hc_timeout/eds_status_draining");
}

TEST(CheckDelay, FollowsHealthAndEdge) {
  config::HealthCheckConfig config;
  config.interval = milliseconds(10);
  config.unhealthy_interval = milliseconds(20);
  config.unhealthy_edge_interval = milliseconds(30);
  config.healthy_edge_interval = milliseconds(40);
  config.no_traffic_interval = milliseconds(50);
  Random random(1);
  using T = CheckTransition;
  const auto delay = [&](bool failed, T transition, bool traffic = true) {
    return check_delay(config, failed, transition, traffic, random).count();
  };
  EXPECT_EQ(delay(false, T::none), 10);
  EXPECT_EQ(delay(false, T::changed), 10);
  EXPECT_EQ(delay(true, T::none), 20);
  EXPECT_EQ(delay(true, T::changed), 20);
  EXPECT_EQ(delay(true, T::pending), 30);
  EXPECT_EQ(delay(false, T::pending), 40);
  EXPECT_EQ(delay(false, T::none, false), 50);
  EXPECT_EQ(delay(true, T::pending, false), 50);
  config.healthy_edge_interval = config.unhealthy_edge_interval = milliseconds(0);
  EXPECT_EQ(delay(true, T::pending), 20);
  EXPECT_EQ(delay(false, T::pending), 10);
  config.unhealthy_interval = milliseconds(0);
  EXPECT_EQ(delay(true, T::none), 10);
}

TEST(CheckDelay, JitterComesOnTop) {
  config::HealthCheckConfig config;
  config.interval = milliseconds(100);
  config.interval_jitter = milliseconds(10);
  config.interval_jitter_percent = 20;
  Random random(1);
  milliseconds least(1000), most(0);
  for (int i = 0; i < 1000; ++i) {
    const auto delay = check_delay(config, false, CheckTransition::none, true, random);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least.count(), 100);
  EXPECT_LE(least.count(), 103);
  EXPECT_GE(most.count(), 125);
  EXPECT_LE(most.count(), 128);
}

}  // namespace
}  // namespace weir::upstream
