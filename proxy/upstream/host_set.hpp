// SPDX-License-Identifier: Apache-2.0
// HostSet: the hosts of one cluster at one moment. Immutable; the main thread publishes a new one
// when DNS changes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/addresses.hpp"
#include "proxy/stats/blocks.hpp"
#include "proxy/upstream/host_health.hpp"
#include "proxy/upstream/host_outcomes.hpp"

namespace weir::upstream {

/// One host. Immutable but for `health`, and for `stats` and `outcomes`, where worker i writes
/// [i] only. A host that stays in the cluster across updates stays the same object, so its health,
/// its counters and the balancers' picture of its load survive. Owned by shared_ptr, always.
struct Host : std::enable_shared_from_this<Host> {
  UpstreamAddress address;
  std::string hostname;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string region, zone, sub_zone;
  std::uint32_t locality_weight = 0;  // of the whole locality; 0 = none
  mutable HostHealth health;
  mutable std::vector<stats::HostStats>
      stats;  // one per worker, sized before the host is published
  mutable HostOutcomes outcomes;

  [[nodiscard]] bool healthy() const noexcept { return health.state() == HealthState::healthy; }
};

class HealthReports;

struct HostSet {
  std::vector<std::shared_ptr<const Host>> hosts;  // in configuration order
  std::shared_ptr<HealthEpoch> epoch = std::make_shared<HealthEpoch>();
  std::shared_ptr<const HealthReports> reports;  // null: nobody judges the hosts

  [[nodiscard]] bool empty() const noexcept { return hosts.empty(); }
};

}  // namespace weir::upstream
