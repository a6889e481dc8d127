// SPDX-License-Identifier: Apache-2.0
// LoadBalancer: picks a host of a cluster. One per cluster and worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_picker.hpp"
#include "proxy/upstream/host_set.hpp"
#include "proxy/upstream/priority_loads.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::upstream {

/// The hosts of one locality (region, zone, sub-zone) in one priority.
struct Locality {
  std::uint32_t weight = 0;
  std::size_t hosts = 0;  // usable or not
  HostPicker::Hosts usable;
};

/// Picks by health, as plan_loads() shares the connections among priorities: of a priority its
/// healthy hosts, or the degraded ones, or, when too few are well, any of them (panic). A change of
/// health is noticed at the next pick, by one number.
///
/// - round_robin: in order, from a random start; with unequal weights earliest-deadline-first, so
/// that any stretch of
///   picks as long as the sum of the weights holds each host as often as its weight.
/// - least_request: of N hosts drawn at random, the one with the fewest requests of this worker,
/// or, without HTTP, connections; with unequal
///   weights earliest-deadline-first with weight / (load + 1), so an idle cluster follows
///   the weights.
/// - random: each with equal chance; weights do not count.
///
/// With locality_weighted the priority's localities take turns by their weights, and the policy
/// picks within one. A locality without a weight gets nothing, unless none has one; one that has
/// lost more than 2 / 7 of its hosts gets less than its share.
///
/// One thread. A pick costs O(log hosts) or O(N); the first one after the host set changed O(hosts
/// · log hosts).
class LoadBalancer {
 public:
  /// `worker` selects Host::stats. `choices` is N of least_request; 0 and 1 are taken as 1.
  /// With cluster_provided nobody may pick: those clusters have no hosts to pick from.
  LoadBalancer(config::LbPolicy policy, std::uint32_t choices, std::size_t worker,
               bool locality_weighted = false, double panic_threshold = 50);

  /// nullptr when no host is usable. Never `exclude` (the host of a failed attempt) when the
  /// chosen priority has another usable host. `hosts` is not null; it is kept until a pick with
  /// another set.
  std::shared_ptr<const Host> pick(const std::shared_ptr<const HostSet>& hosts, Random& random,
                                   const Host* exclude = nullptr);

  /// Picks up to `attempts` times, at least once, for a host that is not among `tried`; the last
  /// one picked when there was none.
  std::shared_ptr<const Host> pick_untried(const std::shared_ptr<const HostSet>& hosts,
                                           Random& random, std::span<const Host* const> tried,
                                           std::uint32_t attempts);

  /// The last pick was from a priority that had too few well hosts to look at their health.
  [[nodiscard]] bool panicked() const noexcept { return panicked_; }

 private:
  /// The hosts of one priority that share a load.
  struct Lane {
    std::uint32_t until = 100;  // of 100 points, up to which (exclusive) it is this lane's turn
    bool panic = false;
    HostPicker::Hosts usable;          // not empty
    std::vector<HostPicker> pickers;   // one, or one for each locality that gets connections
    std::vector<std::uint64_t> costs;  // of a turn of each locality
    DeadlineQueue turns;               // of the localities
  };

  void refresh(const std::shared_ptr<const HostSet>& hosts, Random& random);
  void rebuild(const std::shared_ptr<const HostSet>& hosts, Random& random);
  void add_lane(const PriorityLoad& load, Random& random);
  static std::uint32_t next_locality(Lane& lane);
  void add_localities(Lane& lane, std::vector<Locality> localities, Random& random);
  // lanes_ is not empty.
  Lane& choose_lane(Random& random);
  static const std::shared_ptr<const Host>& pick_next(Lane& lane, Random& random);

  config::LbPolicy policy_;
  std::uint32_t choices_;
  std::size_t worker_;
  bool locality_weighted_;
  bool panicked_ = false;
  double panic_threshold_;

  std::shared_ptr<const HostSet> set_;
  const HealthEpoch* health_ = nullptr;  // of set_
  std::uint32_t epoch_ = 0;              // of health_, when lanes_ were built
  std::vector<Lane> lanes_;
};

}  // namespace weir::upstream
