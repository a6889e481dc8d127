// SPDX-License-Identifier: Apache-2.0
// plan_loads: how the connections of a cluster are shared among its priorities, as a function of
// how many hosts of each are well.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::upstream {

/// The hosts of one priority, by health.
struct PriorityHealth {
  std::uint32_t hosts = 0;  // in all
  std::uint32_t healthy = 0;
  std::uint32_t degraded = 0;
  std::uint32_t excluded = 0;  // not counted when the share of the others is judged
};

/// Which hosts of a priority get connections.
enum class HostGroup : std::uint8_t { healthy, degraded, all };

/// A share of the connections. `all` is the panic: too few are well, so health is not asked for.
struct PriorityLoad {
  std::uint32_t priority = 0;
  HostGroup group = HostGroup::healthy;
  std::uint32_t percent = 0;  // at least 1; all shares together are 100
  bool operator==(const PriorityLoad&) const = default;
};

/// Envoy's rules. A priority keeps its load until fewer than 1 / 1.4 of its hosts are healthy; what
/// it cannot take goes to the next one, then to degraded hosts. When all priorities together cannot
/// take everything, those with fewer than `panic_threshold` percent of their hosts healthy or
/// degraded use all of them; when every priority is so, each gets its share by number of hosts.
/// @return empty when there is no host to pick. In order of priority, healthy before degraded.
std::vector<PriorityLoad> plan_loads(std::span<const PriorityHealth> priorities,
                                     double panic_threshold);

}  // namespace weir::upstream
