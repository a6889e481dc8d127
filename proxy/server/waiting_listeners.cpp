// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/waiting_listeners.hpp"

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "proxy/config/snapshot_checks.hpp"

namespace weir::server {
namespace {

using config::ListenerConfig;
using config::share_an_address;

/// Who waits, and who stays because of that.
class Waiting {
 public:
  Waiting(const Listeners& wanted, const Listeners& in_force) : wanted_(wanted) {
    const std::unordered_set<std::shared_ptr<const ListenerConfig>> goes_on(wanted.begin(),
                                                                            wanted.end());
    for (const auto& config : in_force)
      if (!goes_on.contains(config)) leaving_.emplace(config->name, config);
  }

  /// nullptr: the version in force is the wanted one, or there is none.
  [[nodiscard]] std::shared_ptr<const ListenerConfig> leaving(std::string_view name) const {
    const auto found = leaving_.find(name);
    return found == leaving_.end() ? nullptr : found->second;
  }
  void add(const ListenerConfig& listener) {
    if (!waits_.insert(&listener).second) return;
    for (const auto& [name, before] : leaving_)
      if (name == listener.name || share_an_address(*before, listener)) stay(*before);
  }
  [[nodiscard]] bool waits(const ListenerConfig& listener) const {
    return waits_.contains(&listener);
  }
  [[nodiscard]] bool stays(const ListenerConfig& in_force) const {
    return stays_.contains(&in_force);
  }

 private:
  /// Its next version waits, and whoever is to have an address of it.
  void stay(const ListenerConfig& before) {
    if (!stays_.insert(&before).second) return;
    for (const auto& next : wanted_)
      if (next->name == before.name || share_an_address(*next, before)) add(*next);
  }

  const Listeners& wanted_;
  std::unordered_map<std::string_view, std::shared_ptr<const ListenerConfig>> leaving_;
  std::unordered_set<const ListenerConfig*> waits_;
  std::unordered_set<const ListenerConfig*> stays_;
};

}  // namespace

Listeners without_waiting(const Listeners& wanted, const Listeners& in_force,
                          const std::function<bool(const ListenerConfig&)>& must_wait) {
  Waiting waiting(wanted, in_force);
  const std::unordered_set<std::shared_ptr<const ListenerConfig>> same(in_force.begin(),
                                                                       in_force.end());
  for (const auto& listener : wanted)
    if (!same.contains(listener) && must_wait(*listener)) waiting.add(*listener);
  Listeners ready;
  std::unordered_set<std::string_view> named;
  for (const auto& listener : wanted) {
    named.insert(listener->name);
    if (!waiting.waits(*listener))
      ready.push_back(listener);
    else if (auto before = waiting.leaving(listener->name))
      ready.push_back(std::move(before));
  }
  for (const auto& before : in_force)
    if (waiting.stays(*before) && !named.contains(before->name)) ready.push_back(before);
  return ready;
}

}  // namespace weir::server
