// SPDX-License-Identifier: Apache-2.0
// LoadBalancer: picks a host of a cluster. One per cluster and worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_set.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::upstream {

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
/// One thread. A pick costs O(log hosts) or O(N); the first one after the host set changed O(hosts
/// · log hosts).
class LoadBalancer {
 public:
  /// `worker` selects Host::stats. `choices` is N of least_request; 0 and 1 are taken as 1.
  /// With cluster_provided nobody may pick: those clusters have no hosts to pick from.
  LoadBalancer(config::LbPolicy policy, std::uint32_t choices, std::size_t worker);

  /// nullptr when no host is usable. Never `exclude` (the host of a failed attempt) when its
  /// priority has another usable host. `hosts` is not null; it is kept until a pick with another
  /// set.
  std::shared_ptr<const Host> pick(const std::shared_ptr<const HostSet>& hosts, Random& random,
                                   const Host* exclude = nullptr);

 private:
  /// A host's next turn.
  struct Turn {
    std::uint64_t deadline;
    std::uint64_t order;  // of equal deadlines the one that waits longer comes first
    std::uint32_t host;   // index into usable_
  };
  struct Later {
    bool operator()(const Turn& a, const Turn& b) const {
      return a.deadline != b.deadline ? a.deadline > b.deadline : a.order > b.order;
    }
  };

  void rebuild(const std::shared_ptr<const HostSet>& hosts, Random& random);
  void schedule(std::uint32_t host, std::uint64_t now);
  // The rest return indices into usable_, which is not empty.
  std::uint32_t pick_next(Random& random);
  std::uint32_t pick_by_deadline();
  std::uint32_t pick_in_order();
  std::uint32_t pick_least_loaded(Random& random) const;
  std::uint32_t pick_any(Random& random) const;
  std::uint32_t pick_other_than(std::uint32_t excluded, Random& random) const;
  [[nodiscard]] std::uint64_t connections(std::uint32_t host) const;

  config::LbPolicy policy_;
  std::uint32_t choices_;
  std::size_t worker_;

  std::shared_ptr<const HostSet> set_;
  std::vector<std::shared_ptr<const Host>> usable_;
  bool weighted_ = false;
  std::uint32_t next_ = 0;   // round robin with equal weights
  std::vector<Turn> turns_;  // heap, earliest first; only when weighted_
  std::uint64_t order_ = 0;
};

}  // namespace weir::upstream
