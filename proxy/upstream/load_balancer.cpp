// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/load_balancer.hpp"

#include <algorithm>
#include <cassert>
#include <limits>

namespace weir::upstream {
namespace {

/// The turn of an idle host with weight 1, fine enough for weights up to 2^32.
constexpr std::uint64_t kTurn = std::uint64_t{1} << 44;
/// More connections than this on one host and worker are not told apart.
constexpr std::uint64_t kMaxLoad = std::uint64_t{1} << 17;
/// Deadlines start again from zero before they can overflow.
constexpr std::uint64_t kLatestDeadline = std::uint64_t{1} << 62;
/// Tries of the policy itself before a retry takes just any other host.
constexpr int kPolicyTries = 4;

std::uint32_t weight_of(const Host& host) { return std::max(host.weight, 1u); }

std::vector<std::shared_ptr<const Host>> usable_hosts(const HostSet& set) {
  std::uint32_t priority = std::numeric_limits<std::uint32_t>::max();
  for (const auto& host : set.hosts)
    if (host->healthy) priority = std::min(priority, host->priority);
  std::vector<std::shared_ptr<const Host>> usable;
  for (const auto& host : set.hosts)
    if (host->healthy && host->priority == priority) usable.push_back(host);
  return usable;
}

bool have_unequal_weights(const std::vector<std::shared_ptr<const Host>>& hosts) {
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& host) {
    return weight_of(*host) != weight_of(*hosts.front());
  });
}

}  // namespace

LoadBalancer::LoadBalancer(config::LbPolicy policy, std::uint32_t choices, std::size_t worker)
    : policy_(policy), choices_(std::max(choices, 1u)), worker_(worker) {}

std::shared_ptr<const Host> LoadBalancer::pick(const std::shared_ptr<const HostSet>& hosts,
                                               Random& random, const Host* exclude) {
  assert(policy_ != config::LbPolicy::cluster_provided);
  if (hosts != set_) rebuild(hosts, random);
  if (usable_.empty()) return nullptr;
  std::uint32_t host = pick_next(random);
  if (usable_.size() > 1) {
    for (int tries = 1; usable_[host].get() == exclude && tries < kPolicyTries; ++tries)
      host = pick_next(random);
    if (usable_[host].get() == exclude) host = pick_other_than(host, random);
  }
  return usable_[host];
}

void LoadBalancer::rebuild(const std::shared_ptr<const HostSet>& hosts, Random& random) {
  set_ = hosts;
  usable_ = usable_hosts(*hosts);
  turns_.clear();
  next_ = 0;
  weighted_ = policy_ != config::LbPolicy::random && have_unequal_weights(usable_);
  if (usable_.empty()) return;
  // Workers that start together must not all begin with the same host.
  const std::uint32_t start = pick_any(random);
  if (!weighted_) {
    next_ = start;
    return;
  }
  for (std::uint32_t host = 0; host < usable_.size(); ++host) schedule(host, 0);
  for (std::uint32_t i = 0; i < start; ++i) pick_by_deadline();
}

void LoadBalancer::schedule(std::uint32_t host, std::uint64_t now) {
  const std::uint64_t load =
      policy_ == config::LbPolicy::least_request ? std::min(connections(host) + 1, kMaxLoad) : 1;
  turns_.push_back({now + load * kTurn / weight_of(*usable_[host]), order_++, host});
  std::push_heap(turns_.begin(), turns_.end(), Later{});
}

std::uint32_t LoadBalancer::pick_next(Random& random) {
  if (weighted_) return pick_by_deadline();
  if (policy_ == config::LbPolicy::round_robin) return pick_in_order();
  return policy_ == config::LbPolicy::least_request ? pick_least_loaded(random) : pick_any(random);
}

std::uint32_t LoadBalancer::pick_by_deadline() {
  std::pop_heap(turns_.begin(), turns_.end(), Later{});
  const Turn turn = turns_.back();
  turns_.pop_back();
  std::uint64_t now = turn.deadline;
  if (now > kLatestDeadline) {
    for (Turn& other : turns_) other.deadline -= now;
    now = 0;
  }
  schedule(turn.host, now);
  return turn.host;
}

std::uint32_t LoadBalancer::pick_in_order() {
  const std::uint32_t host = next_;
  next_ = next_ + 1 == usable_.size() ? 0 : next_ + 1;
  return host;
}

std::uint32_t LoadBalancer::pick_least_loaded(Random& random) const {
  std::uint32_t best = pick_any(random);
  for (std::uint32_t i = 1; i < choices_; ++i) {
    const std::uint32_t other = pick_any(random);
    if (connections(other) < connections(best)) best = other;
  }
  return best;
}

std::uint32_t LoadBalancer::pick_any(Random& random) const {
  return random.below(static_cast<std::uint32_t>(usable_.size()));
}

std::uint32_t LoadBalancer::pick_other_than(std::uint32_t excluded, Random& random) const {
  const std::uint32_t other = random.below(static_cast<std::uint32_t>(usable_.size()) - 1);
  return other < excluded ? other : other + 1;
}

std::uint64_t LoadBalancer::connections(std::uint32_t host) const {
  const auto& stats = usable_[host]->stats;
  assert(worker_ < stats.size());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(stats[worker_].cx_active.value(), 0));
}

}  // namespace weir::upstream
