// SPDX-License-Identifier: Apache-2.0
// HostPicker: a policy at work over a fixed list of hosts. LoadBalancer has one for each locality.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_set.hpp"
#include "proxy/upstream/random.hpp"

namespace weir::upstream {

/// Earliest deadline first: each of the entries gets its share of the turns, interleaved.
class DeadlineQueue {
 public:
  void clear() noexcept { *this = DeadlineQueue(); }
  /// `cost` of an entry's next turn, from 1 to 2^61: the smaller, the sooner and the more often.
  void schedule(std::uint32_t entry, std::uint64_t cost);
  /// The entry whose turn it is; it has to be scheduled again. Not empty.
  std::uint32_t take();

 private:
  struct Turn {
    std::uint64_t deadline;
    std::uint64_t order;  // of equal deadlines the one that waits longer comes first
    std::uint32_t entry;
  };
  struct Later {
    bool operator()(const Turn& a, const Turn& b) const {
      return a.deadline != b.deadline ? a.deadline > b.deadline : a.order > b.order;
    }
  };

  std::vector<Turn> turns_;  // heap, earliest first
  std::uint64_t now_ = 0;
  std::uint64_t order_ = 0;
};

/// The turn of an idle entry with weight 1, fine enough for weights up to 2^32.
inline constexpr std::uint64_t kTurn = std::uint64_t{1} << 44;

/// One thread. See LoadBalancer for the policies.
class HostPicker {
 public:
  using Hosts = std::vector<std::shared_ptr<const Host>>;

  /// `hosts` is not empty. `worker` selects Host::stats.
  HostPicker(Hosts hosts, config::LbPolicy policy, std::uint32_t choices, std::size_t worker,
             Random& random);

  /// O(log hosts) or O(choices).
  const std::shared_ptr<const Host>& pick(Random& random);

 private:
  void schedule(std::uint32_t host);
  std::uint32_t pick_by_deadline();
  std::uint32_t pick_in_order();
  std::uint32_t pick_least_loaded(Random& random) const;
  std::uint32_t pick_any(Random& random) const;
  [[nodiscard]] std::uint64_t load(std::uint32_t host) const;

  Hosts hosts_;
  config::LbPolicy policy_;
  std::uint32_t choices_;
  std::size_t worker_;
  bool weighted_ = false;
  std::uint32_t next_ = 0;  // round robin with equal weights
  DeadlineQueue turns_;     // only when weighted_
};

}  // namespace weir::upstream
