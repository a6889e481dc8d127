// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/listener_manager.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "common/log.hpp"

namespace weir::server {
namespace {

template <class Visit>
Result<void> for_each_access_log(const config::ListenerConfig& listener, Visit&& visit) {
  const auto visit_chain = [&](const config::FilterChainConfig& chain) -> Result<void> {
    for (const auto& filter : chain.filters)
      if (const auto* network = dynamic_cast<const filters::NetworkFilter*>(filter.get()))
        for (const auto& log : network->access_logs()) TRY_VOID(visit(log));
    return {};
  };
  for (const auto& log : listener.access_logs) TRY_VOID(visit(log));
  for (const auto& chain : listener.filter_chains) TRY_VOID(visit_chain(chain));
  if (listener.default_filter_chain) TRY_VOID(visit_chain(*listener.default_filter_chain));
  return {};
}

std::unordered_set<std::uint64_t> chains_of(const config::ListenerConfig& listener) {
  std::unordered_set<std::uint64_t> chains;
  for (const auto& chain : listener.filter_chains) chains.insert(chain.fingerprint);
  if (listener.default_filter_chain) chains.insert(listener.default_filter_chain->fingerprint);
  return chains;
}

/// Which chains of `fresh`, the default one last, `before` has as well.
std::vector<bool> same_chains(const config::ListenerConfig& before,
                              const config::ListenerConfig& fresh) {
  const auto known = chains_of(before);
  std::vector<bool> same;
  for (const auto& chain : fresh.filter_chains) same.push_back(known.contains(chain.fingerprint));
  same.push_back(fresh.default_filter_chain &&
                 known.contains(fresh.default_filter_chain->fingerprint));
  return same;
}

bool changes_in_place(const config::ListenerConfig& before, const config::ListenerConfig& fresh) {
  return before.frame_fingerprint == fresh.frame_fingerprint &&
         before.connection_limit == fresh.connection_limit;
}

}  // namespace

std::vector<ListenerManager::Rejection> ListenerManager::update(const Listeners& wanted) {
  std::vector<Rejection> rejections;
  Change change;
  std::unordered_set<std::string_view> rejected;
  for (const auto& config : wanted) {
    const auto known = active_.find(config->name);
    if (known != active_.end() && known->second.shared->config == config) continue;
    auto prepared = prepare(config, change);
    if (prepared) continue;
    setup_.around.stats.listener_manager().listener_create_failure.add();
    rejections.push_back({config->name, std::move(prepared.error())});
  }
  remove_others(wanted, change);
  in_force_.clear();
  for (const auto& config : wanted)
    if (const auto at = active_.find(config->name); at != active_.end())
      in_force_.push_back(at->second.shared->config);
  find_closed(change);
  handoff_ = std::make_shared<listener::HandoffTable>(listener::HandoffTable::build(in_force_));
  tell_loop_guard();
  setup_.around.stats.listener_manager().total_listeners_active.set(
      static_cast<std::int64_t>(active_.size()));
  if (started_) publish(change);
  return rejections;
}

Result<void> ListenerManager::check(const config::ListenerConfig& config) {
  TRY_VOID(check_listener_filters(config));
  return for_each_access_log(config,
                             [this](const access_log::AccessLogConfig& log) -> Result<void> {
                               TRY([[maybe_unused]] auto* sink, setup_.sinks.open(log));
                               return {};
                             });
}

Result<void> ListenerManager::prepare(const std::shared_ptr<const config::ListenerConfig>& config,
                                      Change& change) {
  TRY_VOID(check(*config));
  TRY(auto matcher, listener::FilterChainMatcher::build(*config));
  const auto known = active_.find(config->name);
  const bool is_new = known == active_.end();
  Active fresh;
  fresh.id = is_new ? next_id_ : known->second.id;
  auto count =
      is_new ? std::make_shared<std::atomic<std::uint32_t>>(0) : known->second.shared->connections;
  fresh.shared = std::make_shared<listener::SharedListener>(
      listener::SharedListener{config, std::move(matcher), std::move(count)});
  TRY_VOID(get_sockets(fresh, change));
  auto& stats = setup_.around.stats.listener_manager();
  if (is_new) {
    ++next_id_;
    stats.listener_added.add();
  } else {
    count_change(known->second, fresh, change);
    change.before.insert_or_assign(config->name, std::move(known->second));
  }
  stats.listener_create_success.add(setup_.concurrency);
  change.fresh.push_back(config->name);
  active_.insert_or_assign(config->name, std::move(fresh));
  return {};
}

void ListenerManager::count_change(const Active& before, const Active& fresh, Change& change) {
  const config::ListenerConfig& was = *before.shared->config;
  const config::ListenerConfig& is = *fresh.shared->config;
  auto& stats = setup_.around.stats.listener_manager();
  stats.listener_modified.add();
  if (!changes_in_place(was, is)) {
    count_leaving(before, change);
    return;
  }
  stats.listener_in_place_updated.add();
  const auto stay = chains_of(is);
  const auto were = chains_of(was);
  const auto leaving =
      std::count_if(were.begin(), were.end(), [&](auto chain) { return !stay.contains(chain); });
  if (leaving > 0)
    if (Drain* const drain = drain_of(before, change)) drain->chains += leaving;
  change.taken_over[is.name] = same_chains(was, is);
}

/// nullptr: its connections are let be.
ListenerManager::Drain* ListenerManager::drain_of(const Active& leaving, Change& change) {
  using Kind = config::DrainPolicy::Kind;
  const config::DrainPolicy& policy = leaving.shared->config->drain_policy;
  if (policy.kind == Kind::never) return nullptr;
  Drain& drain = change.drains[policy.kind == Kind::within ? policy.time : setup_.drain_time];
  if (drain.round == 0) drain.round = ++last_round_;
  change.drain_rounds[leaving.id] = drain.round;
  return &drain;
}

void ListenerManager::count_leaving(const Active& leaving, Change& change) {
  Drain* const drain = drain_of(leaving, change);
  if (drain == nullptr) return;
  ++drain->listeners;
  drain->replaced.push_back(leaving.shared->config);
}

void ListenerManager::remove_others(const Listeners& wanted, Change& change) {
  std::unordered_set<std::string_view> names;
  for (const auto& config : wanted) names.insert(config->name);
  for (auto at = active_.begin(); at != active_.end();) {
    if (names.contains(at->first)) {
      ++at;
      continue;
    }
    setup_.around.stats.listener_manager().listener_removed.add();
    count_leaving(at->second, change);
    change.before.insert_or_assign(at->first, std::move(at->second));
    at = active_.erase(at);
  }
}

/// Sockets that nobody has any more.
void ListenerManager::find_closed(Change& change) {
  for (const auto& [name, before] : change.before) {
    const ListenerId id = before.id;
    for (const BoundAddress& bound : before.bound) {
      const bool goes_on = std::any_of(change.moves.begin(), change.moves.end(),
                                       [&](const ListenerUpdate::Move& move) {
                                         return move.from == id && move.address == bound.address;
                                       });
      if (!goes_on) change.closed.push_back({id, bound.address, 0});
    }
  }
}

Result<void> ListenerManager::start() {
  for (const auto& [name, active] : active_)
    for (const BoundAddress& bound : active.bound)
      TRY_VOID(listen_on(*active.shared->config, bound));
  started_ = true;
  inheritance_.clear();
  Change all;
  for (const auto& [name, active] : active_) all.fresh.push_back(name);
  publish(all);
  return {};
}

void ListenerManager::add_sockets(ListenerId id, const BoundAddress& bound, std::size_t worker,
                                  ListenerUpdate& update) const {
  if (bound.workers_have_them) return;
  auto sockets = bound.sockets_of(worker, setup_.workers.size());
  if (!sockets) {
    log::error(log::Component::listener, "listener address {}: {}", bound.address.to_string(),
               sockets.error().message);
    return;
  }
  for (UniqueFd& socket : *sockets)
    update.sockets.push_back({.listener = id,
                              .address = bound.address,
                              .fd = std::move(socket),
                              .was_closing = bound.was_closing,
                              .shared_with_worker = bound.sockets.size() < setup_.workers.size(),
                              .shared_with_process = bound.inherited});
}

ListenerUpdate ListenerManager::update_for(std::size_t worker, const Change& change) {
  ListenerUpdate update;
  for (const auto& config : in_force_) update.order.push_back(active_.at(config->name).id);
  update.handoff = handoff_;
  update.moves = change.moves;
  update.closed = change.closed;
  update.drain_rounds = change.drain_rounds;
  for (const std::string& name : change.fresh) {
    Active& active = active_.at(name);
    const auto in_place = change.taken_over.find(name);
    update.fresh.push_back(make_worker_listener(
        active.shared, active.id,
        in_place != change.taken_over.end() ? in_place->second : std::vector<bool>(),
        *setup_.workers[worker], setup_.around));
    for (const BoundAddress& bound : active.bound) add_sockets(active.id, bound, worker, update);
  }
  return update;
}

void ListenerManager::publish(Change& change) {
  if (change.fresh.empty() && change.before.empty()) return;
  for (std::size_t i = 0; i < setup_.workers.size(); ++i)
    setup_.workers[i]->update_listeners(update_for(i, change));
  for (const std::string& name : change.fresh)
    for (BoundAddress& bound : active_.at(name).bound) {
      bound.workers_have_them = true;
      bound.was_closing = false;
    }
  for (auto& [name, before] : change.before)
    for (BoundAddress& bound : before.bound)
      if (!bound.sockets.empty()) let_go_later(before.shared->config, std::move(bound));
  for (auto& [time, drain] : change.drains) end_drain_later(time, std::move(drain));
}

void ListenerManager::end_drain_later(std::chrono::milliseconds time, Drain&& drain) {
  auto& stats = setup_.around.stats.listener_manager();
  stats.total_listeners_draining.add(drain.listeners);
  stats.total_filter_chains_draining.add(drain.chains);
  const auto running = drains_.insert(
      drains_.end(), RunningDrain{asio::steady_timer(setup_.io, time), std::move(drain)});
  running->timer.async_wait([this, running](const std::error_code& error) {
    if (error) return;
    auto& manager = setup_.around.stats.listener_manager();
    manager.total_listeners_draining.sub(running->drain.listeners);
    manager.total_filter_chains_draining.sub(running->drain.chains);
    for (const auto& worker : setup_.workers) worker->end_drained(running->drain.round);
    drains_.erase(running);
  });
}

ListenerManager::Listeners ListenerManager::draining() const {
  Listeners all;
  for (const auto& [timer, drain] : drains_)
    all.insert(all.end(), drain.replaced.begin(), drain.replaced.end());
  return all;
}

void ListenerManager::tell_loop_guard() {
  std::vector<ListenAddress> own;
  for (const auto& [name, active] : active_)
    for (const BoundAddress& bound : active.bound) own.push_back(bound.address);
  setup_.loop_guard.set_bound(std::move(own));
}

std::vector<admin::ListenerView> ListenerManager::views() const {
  std::vector<admin::ListenerView> views;
  for (const auto& config : in_force_) {
    admin::ListenerView view{config->name, {}};
    for (const BoundAddress& bound : active_.at(config->name).bound)
      view.addresses.push_back(bound.address);
    if (view.addresses.empty())
      for (const auto& address : config->addresses) view.addresses.push_back(address.address);
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace weir::server
