// SPDX-License-Identifier: Apache-2.0
// LoadBalancer: picks a host of a cluster. One per cluster and worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_picker.hpp"
#include "proxy/upstream/host_set.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::upstream {

/// The hosts of one locality (region, zone, sub-zone) in one priority.
struct Locality {
  std::uint32_t weight = 0;
  std::size_t hosts = 0;  // usable or not
  HostPicker::Hosts usable;
};

/// Only healthy hosts are picked, and only those of the lowest priority that has one.
///
/// - round_robin: in order, from a random start; with unequal weights earliest-deadline-first, so
/// that any stretch of
///   picks as long as the sum of the weights holds each host as often as its weight.
/// - least_request: of N hosts drawn at random, the one with the fewest connections of this worker;
/// with unequal
///   weights earliest-deadline-first with weight / (connections + 1), so an idle cluster follows
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
               bool locality_weighted = false);

  /// nullptr when no host is usable. Never `exclude` (the host of a failed attempt) when its
  /// priority has another usable host. `hosts` is not null; it is kept until a pick with another
  /// set.
  std::shared_ptr<const Host> pick(const std::shared_ptr<const HostSet>& hosts, Random& random,
                                   const Host* exclude = nullptr);

 private:
  void rebuild(const std::shared_ptr<const HostSet>& hosts, Random& random);
  void add_localities(std::vector<Locality> localities, Random& random);
  std::uint32_t next_locality();
  // usable_ is not empty.
  const std::shared_ptr<const Host>& pick_next(Random& random);
  const std::shared_ptr<const Host>& pick_other_than(const Host* excluded, Random& random) const;

  config::LbPolicy policy_;
  std::uint32_t choices_;
  std::size_t worker_;
  bool locality_weighted_;

  std::shared_ptr<const HostSet> set_;
  HostPicker::Hosts usable_;          // of the priority that serves
  std::vector<HostPicker> pickers_;   // one, or one for each locality that gets connections
  std::vector<std::uint64_t> costs_;  // of a turn of each locality
  DeadlineQueue turns_;               // of the localities
};

}  // namespace weir::upstream
