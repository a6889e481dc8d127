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

namespace weir::upstream {

/// One host. Immutable but for `stats`, where worker i writes stats[i] only. A host that stays in
/// the cluster across updates stays the same object, so its counters and the balancers' picture of
/// its load survive.
struct Host {
  UpstreamAddress address;
  std::string hostname;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  std::string region, zone, sub_zone;
  std::uint32_t locality_weight = 0;  // of the whole locality; 0 = none
  bool healthy = true;
  mutable std::vector<stats::HostStats>
      stats;  // one per worker, sized before the host is published
};

struct HostSet {
  std::vector<std::shared_ptr<const Host>> hosts;  // in configuration order

  [[nodiscard]] bool empty() const noexcept { return hosts.empty(); }
};

}  // namespace weir::upstream
