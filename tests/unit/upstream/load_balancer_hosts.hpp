// SPDX-License-Identifier: Apache-2.0
// Hosts by name for tests of the load balancer, and what it picks of them.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/upstream/load_balancer.hpp"

namespace weir::upstream {

using config::LbPolicy;

inline constexpr std::size_t kWorker =
    1;  // of two: a balancer that reads another worker's counters is found out

struct HostSpec {
  std::string name;
  std::uint32_t weight = 1;
  std::uint32_t priority = 0;
  bool healthy = true;
  std::string zone = "";
  std::uint32_t locality_weight = 0;
};

inline std::shared_ptr<const HostSet> hosts(const std::vector<HostSpec>& specs) {
  auto set = std::make_shared<HostSet>();
  for (const HostSpec& spec : specs) {
    auto host = std::make_shared<Host>();
    host->hostname = spec.name;
    host->weight = spec.weight;
    host->priority = spec.priority;
    host->health.assign(HealthFlag::failed_active_hc, !spec.healthy);
    host->zone = spec.zone;
    host->locality_weight = spec.locality_weight;
    host->stats = std::vector<stats::HostStats>(2);
    set->hosts.push_back(std::move(host));
  }
  return set;
}

inline std::string pick(LoadBalancer& balancer, const std::shared_ptr<const HostSet>& set,
                        Random& random, const Host* exclude = nullptr) {
  const auto host = balancer.pick(set, random, exclude);
  return host ? host->hostname : "none";
}

inline std::map<std::string, int> pick_many(LoadBalancer& balancer,
                                            const std::shared_ptr<const HostSet>& set,
                                            Random& random, int count) {
  std::map<std::string, int> counts;
  for (int i = 0; i < count; ++i) ++counts[pick(balancer, set, random)];
  return counts;
}

using Counts = std::map<std::string, int>;

}  // namespace weir::upstream
