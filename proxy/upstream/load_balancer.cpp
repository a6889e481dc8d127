// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/load_balancer.hpp"

#include <algorithm>
#include <cassert>
#include <limits>
#include <tuple>

namespace weir::upstream {
namespace {

/// Tries of the policy itself before a retry takes just any other host.
constexpr int kPolicyTries = 4;
/// A locality keeps its whole share until fewer than 1 / 1.4 of its hosts are usable: Envoy's
/// overprovisioning factor.
constexpr double kOverprovisioning = 1.4;

std::uint32_t serving_priority(const HostSet& set) {
  std::uint32_t priority = std::numeric_limits<std::uint32_t>::max();
  for (const auto& host : set.hosts)
    if (host->healthy) priority = std::min(priority, host->priority);
  return priority;
}

auto locality_of(const Host& host) { return std::tie(host.region, host.zone, host.sub_zone); }

/// In the order in which they are configured.
std::vector<Locality> localities_of(const HostSet& set, std::uint32_t priority) {
  std::vector<Locality> localities;
  std::vector<const Host*> first;
  for (const auto& host : set.hosts) {
    if (host->priority != priority) continue;
    const auto known = std::find_if(first.begin(), first.end(), [&](const Host* other) {
      return locality_of(*other) == locality_of(*host);
    });
    const auto at = static_cast<std::size_t>(known - first.begin());
    if (known == first.end()) {
      first.push_back(host.get());
      localities.push_back({host->locality_weight, 0, {}});
    }
    ++localities[at].hosts;
    if (host->healthy) localities[at].usable.push_back(host);
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

}  // namespace

LoadBalancer::LoadBalancer(config::LbPolicy policy, std::uint32_t choices, std::size_t worker,
                           bool locality_weighted)
    : policy_(policy), choices_(choices), worker_(worker), locality_weighted_(locality_weighted) {}

std::shared_ptr<const Host> LoadBalancer::pick(const std::shared_ptr<const HostSet>& hosts,
                                               Random& random, const Host* exclude) {
  assert(policy_ != config::LbPolicy::cluster_provided);
  if (hosts != set_) rebuild(hosts, random);
  if (usable_.empty()) return nullptr;
  std::shared_ptr<const Host> host = pick_next(random);
  if (usable_.size() == 1) return host;
  for (int tries = 1; host.get() == exclude && tries < kPolicyTries; ++tries)
    host = pick_next(random);
  return host.get() == exclude ? pick_other_than(exclude, random) : host;
}

void LoadBalancer::rebuild(const std::shared_ptr<const HostSet>& hosts, Random& random) {
  set_ = hosts;
  usable_.clear();
  pickers_.clear();
  costs_.clear();
  turns_.clear();
  const std::uint32_t priority = serving_priority(*hosts);
  for (const auto& host : hosts->hosts)
    if (host->healthy && host->priority == priority) usable_.push_back(host);
  if (locality_weighted_) add_localities(localities_of(*hosts, priority), random);
  if (pickers_.empty() && !usable_.empty())
    pickers_.emplace_back(usable_, policy_, choices_, worker_, random);
}

void LoadBalancer::add_localities(std::vector<Locality> localities, Random& random) {
  for (Locality& locality : localities) {
    if (locality.weight == 0 || locality.usable.empty()) continue;
    costs_.push_back(cost_of(locality));
    pickers_.emplace_back(std::move(locality.usable), policy_, choices_, worker_, random);
  }
  if (pickers_.empty()) return;
  for (std::uint32_t i = 0; i < pickers_.size(); ++i) turns_.schedule(i, costs_[i]);
  const std::uint32_t start = random.below(static_cast<std::uint32_t>(pickers_.size()));
  for (std::uint32_t i = 0; i < start; ++i) next_locality();
}

std::uint32_t LoadBalancer::next_locality() {
  const std::uint32_t locality = turns_.take();
  turns_.schedule(locality, costs_[locality]);
  return locality;
}

const std::shared_ptr<const Host>& LoadBalancer::pick_next(Random& random) {
  return pickers_[pickers_.size() == 1 ? 0 : next_locality()].pick(random);
}

const std::shared_ptr<const Host>& LoadBalancer::pick_other_than(const Host* excluded,
                                                                 Random& random) const {
  const auto at = std::find_if(usable_.begin(), usable_.end(),
                               [&](const auto& host) { return host.get() == excluded; });
  const auto index = static_cast<std::uint32_t>(at - usable_.begin());
  const std::uint32_t other = random.below(static_cast<std::uint32_t>(usable_.size()) - 1);
  return usable_[other < index ? other : other + 1];
}

}  // namespace weir::upstream
