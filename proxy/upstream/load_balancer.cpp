// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/load_balancer.hpp"

#include <algorithm>
#include <cassert>
#include <tuple>

namespace weir::upstream {
namespace {

/// Tries of the policy itself before a retry takes just any other host.
constexpr int kPolicyTries = 4;
/// A locality keeps its whole share until fewer than 1 / 1.4 of its hosts are usable: Envoy's
/// overprovisioning factor.
constexpr double kOverprovisioning = 1.4;

bool belongs(const Host& host, HostGroup group) {
  switch (group) {
    case HostGroup::healthy:
      return host.health.state() == HealthState::healthy;
    case HostGroup::degraded:
      return host.health.state() == HealthState::degraded;
    case HostGroup::all:
      return true;
  }
  return true;
}

std::vector<PriorityHealth> health_by_priority(const HostSet& set) {
  std::vector<PriorityHealth> priorities;
  for (const auto& host : set.hosts) {
    if (host->priority >= priorities.size()) priorities.resize(host->priority + 1);
    PriorityHealth& health = priorities[host->priority];
    ++health.hosts;
    const HealthState state = host->health.state();
    if (state == HealthState::healthy) ++health.healthy;
    if (state == HealthState::degraded) ++health.degraded;
    if (is_excluded(host->health.flags())) ++health.excluded;
  }
  return priorities;
}

auto locality_of(const Host& host) { return std::tie(host.region, host.zone, host.sub_zone); }

/// In the order in which they are configured.
std::vector<Locality> localities_of(const HostSet& set, const PriorityLoad& load) {
  std::vector<Locality> localities;
  std::vector<const Host*> first;
  for (const auto& host : set.hosts) {
    if (host->priority != load.priority) continue;
    const auto known = std::find_if(first.begin(), first.end(), [&](const Host* other) {
      return locality_of(*other) == locality_of(*host);
    });
    const auto at = static_cast<std::size_t>(known - first.begin());
    if (known == first.end()) {
      first.push_back(host.get());
      localities.push_back({host->locality_weight, 0, {}});
    }
    ++localities[at].hosts;
    if (belongs(*host, load.group)) localities[at].usable.push_back(host);
  }
  return localities;
}

/// What a turn of the locality costs: the inverse of its weight, reduced by what it has lost.
std::uint64_t cost_of(const Locality& locality) {
  const double usable =
      static_cast<double>(locality.usable.size()) / static_cast<double>(locality.hosts);
  const double weight = locality.weight * std::min(1.0, usable * kOverprovisioning);
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(kTurn / weight));
}

/// `from` has another host than `excluded`.
const std::shared_ptr<const Host>& pick_other_than(const HostPicker::Hosts& from,
                                                   const Host* excluded, Random& random) {
  const auto at = std::find_if(from.begin(), from.end(),
                               [&](const auto& host) { return host.get() == excluded; });
  const auto index = static_cast<std::uint32_t>(at - from.begin());
  const std::uint32_t other = random.below(static_cast<std::uint32_t>(from.size()) - 1);
  return from[other < index ? other : other + 1];
}

}  // namespace

LoadBalancer::LoadBalancer(config::LbPolicy policy, std::uint32_t choices, std::size_t worker,
                           bool locality_weighted, double panic_threshold)
    : policy_(policy),
      choices_(choices),
      worker_(worker),
      locality_weighted_(locality_weighted),
      panic_threshold_(panic_threshold) {}

std::shared_ptr<const Host> LoadBalancer::pick(const std::shared_ptr<const HostSet>& hosts,
                                               Random& random, const Host* exclude) {
  refresh(hosts, random);
  if (lanes_.empty()) return nullptr;
  Lane& lane = choose_lane(random);
  std::shared_ptr<const Host> host = pick_next(lane, random);
  if (lane.usable.size() == 1) return host;
  for (int tries = 1; host.get() == exclude && tries < kPolicyTries; ++tries)
    host = pick_next(lane, random);
  return host.get() == exclude ? pick_other_than(lane.usable, exclude, random) : host;
}

std::shared_ptr<const Host> LoadBalancer::pick_untried(const std::shared_ptr<const HostSet>& hosts,
                                                       Random& random,
                                                       std::span<const Host* const> tried,
                                                       std::uint32_t attempts) {
  refresh(hosts, random);
  if (lanes_.empty()) return nullptr;
  for (;;) {
    const auto& host = pick_next(choose_lane(random), random);
    if (attempts <= 1 || std::find(tried.begin(), tried.end(), host.get()) == tried.end())
      return host;
    --attempts;
  }
}

void LoadBalancer::refresh(const std::shared_ptr<const HostSet>& hosts, Random& random) {
  assert(policy_ != config::LbPolicy::cluster_provided);
  panicked_ = false;
  if (hosts != set_ || health_->value() != epoch_) rebuild(hosts, random);
}

void LoadBalancer::rebuild(const std::shared_ptr<const HostSet>& hosts, Random& random) {
  set_ = hosts;
  health_ = hosts->epoch.get();
  // Before the flags are read: a change that comes meanwhile is seen at the next pick.
  epoch_ = health_->value();
  lanes_.clear();
  const auto priorities = health_by_priority(*hosts);
  for (const PriorityLoad& load : plan_loads(priorities, panic_threshold_)) add_lane(load, random);
  if (!lanes_.empty()) lanes_.back().until = 100;
}

void LoadBalancer::add_lane(const PriorityLoad& load, Random& random) {
  Lane lane;
  lane.panic = load.group == HostGroup::all;
  lane.until = load.percent + (lanes_.empty() ? 0 : lanes_.back().until);
  for (const auto& host : set_->hosts)
    if (host->priority == load.priority && belongs(*host, load.group)) lane.usable.push_back(host);
  // The flags may have changed since the loads were planned.
  if (lane.usable.empty()) return;
  if (locality_weighted_ && !lane.panic) add_localities(lane, localities_of(*set_, load), random);
  if (lane.pickers.empty())
    lane.pickers.emplace_back(lane.usable, policy_, choices_, worker_, random);
  lanes_.push_back(std::move(lane));
}

void LoadBalancer::add_localities(Lane& lane, std::vector<Locality> localities, Random& random) {
  for (Locality& locality : localities) {
    if (locality.weight == 0 || locality.usable.empty()) continue;
    lane.costs.push_back(cost_of(locality));
    lane.pickers.emplace_back(std::move(locality.usable), policy_, choices_, worker_, random);
  }
  if (lane.pickers.empty()) return;
  for (std::uint32_t i = 0; i < lane.pickers.size(); ++i) lane.turns.schedule(i, lane.costs[i]);
  const std::uint32_t start = random.below(static_cast<std::uint32_t>(lane.pickers.size()));
  for (std::uint32_t i = 0; i < start; ++i) next_locality(lane);
}

std::uint32_t LoadBalancer::next_locality(Lane& lane) {
  const std::uint32_t locality = lane.turns.take();
  lane.turns.schedule(locality, lane.costs[locality]);
  return locality;
}

LoadBalancer::Lane& LoadBalancer::choose_lane(Random& random) {
  std::size_t lane = 0;
  if (lanes_.size() > 1)
    for (const std::uint32_t point = random.below(100); point >= lanes_[lane].until;) ++lane;
  panicked_ = lanes_[lane].panic;
  return lanes_[lane];
}

const std::shared_ptr<const Host>& LoadBalancer::pick_next(Lane& lane, Random& random) {
  return lane.pickers[lane.pickers.size() == 1 ? 0 : next_locality(lane)].pick(random);
}

}  // namespace weir::upstream
