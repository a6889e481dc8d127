// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/host_picker.hpp"

#include <algorithm>
#include <cassert>

namespace weir::upstream {
namespace {

/// More connections than this on one host and worker are not told apart.
constexpr std::uint64_t kMaxLoad = std::uint64_t{1} << 17;
/// Deadlines start again from zero before they can overflow.
constexpr std::uint64_t kLatestDeadline = std::uint64_t{1} << 62;

std::uint32_t weight_of(const Host& host) { return std::max(host.weight, 1u); }

bool have_unequal_weights(const HostPicker::Hosts& hosts) {
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& host) {
    return weight_of(*host) != weight_of(*hosts.front());
  });
}

}  // namespace

void DeadlineQueue::schedule(std::uint32_t entry, std::uint64_t cost) {
  turns_.push_back({now_ + cost, order_++, entry});
  std::push_heap(turns_.begin(), turns_.end(), Later{});
}

std::uint32_t DeadlineQueue::take() {
  std::pop_heap(turns_.begin(), turns_.end(), Later{});
  const Turn turn = turns_.back();
  turns_.pop_back();
  now_ = turn.deadline;
  if (now_ > kLatestDeadline) {
    for (Turn& other : turns_) other.deadline -= now_;
    now_ = 0;
  }
  return turn.entry;
}

HostPicker::HostPicker(Hosts hosts, config::LbPolicy policy, std::uint32_t choices,
                       std::size_t worker, Random& random)
    : hosts_(std::move(hosts)),
      policy_(policy),
      choices_(std::max(choices, 1u)),
      worker_(worker),
      weighted_(policy != config::LbPolicy::random && have_unequal_weights(hosts_)) {
  assert(!hosts_.empty());
  // Workers that start together must not all begin with the same host.
  const std::uint32_t start = pick_any(random);
  if (!weighted_) {
    next_ = start;
    return;
  }
  for (std::uint32_t host = 0; host < hosts_.size(); ++host) schedule(host);
  for (std::uint32_t i = 0; i < start; ++i) pick_by_deadline();
}

const std::shared_ptr<const Host>& HostPicker::pick(Random& random) {
  if (weighted_) return hosts_[pick_by_deadline()];
  if (policy_ == config::LbPolicy::round_robin) return hosts_[pick_in_order()];
  return hosts_[policy_ == config::LbPolicy::least_request ? pick_least_loaded(random)
                                                           : pick_any(random)];
}

void HostPicker::schedule(std::uint32_t host) {
  const std::uint64_t turns =
      policy_ == config::LbPolicy::least_request ? std::min(load(host) + 1, kMaxLoad) : 1;
  turns_.schedule(host, turns * kTurn / weight_of(*hosts_[host]));
}

std::uint32_t HostPicker::pick_by_deadline() {
  const std::uint32_t host = turns_.take();
  schedule(host);
  return host;
}

std::uint32_t HostPicker::pick_in_order() {
  const std::uint32_t host = next_;
  next_ = next_ + 1 == hosts_.size() ? 0 : next_ + 1;
  return host;
}

std::uint32_t HostPicker::pick_least_loaded(Random& random) const {
  std::uint32_t best = pick_any(random);
  for (std::uint32_t i = 1; i < choices_; ++i) {
    const std::uint32_t other = pick_any(random);
    if (load(other) < load(best)) best = other;
  }
  return best;
}

std::uint32_t HostPicker::pick_any(Random& random) const {
  return random.below(static_cast<std::uint32_t>(hosts_.size()));
}

std::uint64_t HostPicker::load(std::uint32_t host) const {
  assert(worker_ < hosts_[host]->stats.size());
  const stats::HostStats& stats = hosts_[host]->stats[worker_];
  // Connections of HTTP wait in pools, or carry many requests: there the requests are the load.
  const stats::Gauge& load = stats.rq_total.value() != 0 ? stats.rq_active : stats.cx_active;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(load.value(), 0));
}

}  // namespace weir::upstream
