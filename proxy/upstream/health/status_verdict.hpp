// SPDX-License-Identifier: Apache-2.0
// judge_status: what the status of an answer says of the host that gave it.
#pragma once

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/health/check_state.hpp"

namespace weir::upstream {

/// The parts of a response's head that count.
struct CheckedHead {
  unsigned status = 0;
  bool degraded = false;           // x-envoy-degraded is there
  bool immediate_failure = false;  // x-envoy-immediate-health-check-fail is there
};

/// Without expected_statuses only 200 is one.
CheckResult judge_status(const config::HealthCheckConfig& config, const CheckedHead& head);

}  // namespace weir::upstream
