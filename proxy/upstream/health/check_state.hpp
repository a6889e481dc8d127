// SPDX-License-Identifier: Apache-2.0
// CheckState: what a row of active checks makes of a host, and when the next one is due. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_health.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::upstream {

/// The outcome of one check.
struct CheckResult {
  enum class Kind : std::uint8_t {
    passed,
    degraded,   // passed, but the host asks to be used last
    refused,    // an answer that says no: no second try
    retriable,  // an answer that says no, but may be a passing thing
    network,    // not reached, or closed before it answered
    timeout,
    passive,  // told by traffic: x-envoy-immediate-health-check-fail
  };
  Kind kind = Kind::network;
  std::string reason;    // of a failure, in words
  bool exclude = false;  // the answer carried x-envoy-immediate-health-check-fail
};

/// What a result did to a host. pending: the threshold of a change is not reached yet.
enum class CheckTransition : std::uint8_t { none, pending, changed };

/// Of one host. The flags failed_active_hc, degraded_active_hc, active_hc_timeout and
/// excluded_via_immediate_hc_fail are its own.
class CheckState {
 public:
  explicit CheckState(const config::HealthCheckConfig& config) : config_(&config) {}

  CheckTransition apply(HostHealth& health, const CheckResult& result);
  /// No result yet.
  [[nodiscard]] bool is_new() const noexcept { return first_; }
  /// Failures in a row that have not failed the host yet, or have.
  [[nodiscard]] std::uint32_t failures() const noexcept { return failures_; }

 private:
  CheckTransition pass(HostHealth& health, bool degraded);
  CheckTransition fail(HostHealth& health, CheckResult::Kind kind);

  const config::HealthCheckConfig* config_;
  std::uint32_t passes_ = 0;
  std::uint32_t failures_ = 0;
  bool first_ = true;
};

/// How long to wait after a result. `failed`: it was a failure. `traffic`: the cluster has ever had
/// a connection; without, hosts are checked every no_traffic_interval only.
std::chrono::milliseconds check_delay(const config::HealthCheckConfig& config, bool failed,
                                      CheckTransition transition, bool traffic, Random& random);

}  // namespace weir::upstream
