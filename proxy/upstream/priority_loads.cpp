// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/priority_loads.hpp"

#include <algorithm>
#include <utility>

namespace weir::upstream {
namespace {

/// Percent: a priority counts as whole while it has lost fewer than 2 / 7 of its hosts.
constexpr std::uint64_t kOverprovisioning = 140;

std::uint32_t counted(const PriorityHealth& health) { return health.hosts - health.excluded; }

std::uint32_t availability(std::uint32_t well, std::uint32_t hosts) {
  if (hosts == 0) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(100, kOverprovisioning * well / hosts));
}

bool below_threshold(const PriorityHealth& health, double threshold) {
  if (counted(health) == 0) return threshold > 0;
  return 100.0 * (health.healthy + health.degraded) / counted(health) < threshold;
}

/// One number for each priority.
using Percents = std::vector<std::uint32_t>;

/// Hands out `rest` by availability; what is handed out is taken from it.
Percents distribute(const Percents& available, std::uint32_t total, std::uint32_t& rest) {
  Percents loads;
  for (const std::uint32_t percent : available) {
    const std::uint32_t load = std::min(rest, percent * 100 / total);
    loads.push_back(load);
    rest -= load;
  }
  return loads;
}

/// Rounding leaves a few percent over: the first one that gets anything gets them too.
void add_to_first(Percents& loads, const Percents& available, std::uint32_t& rest) {
  for (std::size_t i = 0; i < loads.size(); ++i) {
    if (available[i] == 0) continue;
    loads[i] += std::exchange(rest, 0);
    return;
  }
}

Percents loads_by_size(std::span<const PriorityHealth> priorities) {
  std::uint64_t hosts = 0;
  for (const PriorityHealth& health : priorities) hosts += health.hosts;
  Percents loads, sizes;
  std::uint32_t rest = 100;
  for (const PriorityHealth& health : priorities) {
    loads.push_back(hosts == 0 ? 0 : static_cast<std::uint32_t>(100ull * health.hosts / hosts));
    sizes.push_back(health.hosts);
    rest -= loads.back();
  }
  add_to_first(loads, sizes, rest);
  return loads;
}

struct Plan {
  std::vector<PriorityLoad> loads;
  void add(std::size_t priority, HostGroup group, std::uint32_t percent) {
    if (percent > 0) loads.push_back({static_cast<std::uint32_t>(priority), group, percent});
  }
};

}  // namespace

std::vector<PriorityLoad> plan_loads(std::span<const PriorityHealth> priorities,
                                     double panic_threshold) {
  Percents healthy, degraded;
  std::uint32_t sum = 0;
  for (const PriorityHealth& health : priorities) {
    healthy.push_back(availability(health.healthy, counted(health)));
    degraded.push_back(availability(health.degraded, counted(health)));
    sum += healthy.back() + degraded.back();
  }
  const std::uint32_t total = std::min<std::uint32_t>(sum, 100);
  // No priority panics while all of them together are whole.
  const auto panics = [&](const PriorityHealth& health) {
    return total < 100 && below_threshold(health, panic_threshold);
  };
  Plan plan;
  if (std::all_of(priorities.begin(), priorities.end(), panics)) {
    const Percents loads = loads_by_size(priorities);
    for (std::size_t i = 0; i < loads.size(); ++i) plan.add(i, HostGroup::all, loads[i]);
    return plan.loads;
  }
  if (total == 0) return {};
  std::uint32_t rest = 100;
  Percents healthy_loads = distribute(healthy, total, rest);
  Percents degraded_loads = distribute(degraded, total, rest);
  add_to_first(healthy_loads, healthy, rest);
  add_to_first(degraded_loads, degraded, rest);
  for (std::size_t i = 0; i < priorities.size(); ++i) {
    const bool panic = panics(priorities[i]);
    plan.add(i, panic ? HostGroup::all : HostGroup::healthy, healthy_loads[i]);
    plan.add(i, panic ? HostGroup::all : HostGroup::degraded, degraded_loads[i]);
  }
  return plan.loads;
}

}  // namespace weir::upstream
