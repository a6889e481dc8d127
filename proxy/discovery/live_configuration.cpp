// SPDX-License-Identifier: Apache-2.0
#include "proxy/discovery/live_configuration.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "common/log.hpp"

namespace weir::discovery {
namespace {

/// Resources in one update.
constexpr std::size_t kLargeChange = 500;

}  // namespace

Result<void> LiveConfiguration::start() {
  start_held_ = true;
  server_.hold_start();
  server_.set_readiness([this, alive = std::weak_ptr(alive_)] {
    return alive.expired() ? std::vector<std::string>() : readiness();
  });
  for (const auto& [name, stored] : store_.route_tables())
    if (stored.config != nullptr) server_.set_route_table(name, stored.config);
  if (published_->cds) TRY_VOID(follow(ResourceType::cluster, *published_->cds));
  // Listeners are refused when a cluster that they need is not there.
  listeners_come_later_ = published_->lds && !published_->lds->is_file() && !unanswered_.empty();
  if (listeners_come_later_) {
    unanswered_.insert(ResourceType::listener);
    unconfirmed_.insert(ResourceType::listener);
  }
  if (published_->lds && !listeners_come_later_)
    TRY_VOID(follow(ResourceType::listener, *published_->lds));
  follow_endpoints();
  follow_route_tables();
  for (const auto& cluster : published_->clusters)
    give_endpoints(cluster->name, cluster->eds_name());
  release_start();
  if (copy_ != nullptr && !sources_.any_control_plane())
    log::warning(log::Component::config,
                 "flag '--last-good' has no effect: the configuration names no control plane");
  return {};
}

Result<void> LiveConfiguration::follow(ResourceType type, const config::ConfigSource& source) {
  counters_.show(type);
  if (!source.is_file()) {
    unanswered_.insert(type);
    unconfirmed_.insert(type);
  }
  return sources_.follow_all(type, source);
}

/// Those of the EDS clusters that there are now.
void LiveConfiguration::follow_endpoints() {
  eds_clusters_.clear();
  std::vector<Sources::Named> wanted;
  for (const auto& cluster : store_.snapshot()->clusters) {
    if (!cluster->eds_source) continue;
    eds_clusters_.emplace(cluster->eds_name(), cluster);
    wanted.push_back({&*cluster->eds_source, cluster->eds_name()});
  }
  auto gone = sources_.follow_named(ResourceType::endpoints, wanted);
  if (!gone.empty()) forget_endpoints(std::move(gone));
}

/// Not now: who is wanted again in this turn may not be sent again.
void LiveConfiguration::forget_endpoints(std::vector<std::string> eds_names) {
  asio::post(server_.io(), [this, names = std::move(eds_names), alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    for (const std::string& name : names)
      if (!eds_clusters_.contains(name)) store_.forget_endpoints(name);
  });
}

/// Those that the listeners name now.
void LiveConfiguration::follow_route_tables() {
  route_users_.clear();
  std::vector<Sources::Named> wanted;
  for (const auto& listener : published_->listeners)
    config::each_route_table(*listener, [&](const config::RouteTableRef& table) {
      RouteUse& use = route_users_[table.name];
      use.prefixes.insert(table.stat_prefix);
      use.fetch_timeout = table.source.initial_fetch_timeout;
      wanted.push_back({&table.source, table.name});
      return true;
    });
  for (const auto& [name, use] : route_users_)
    for (const std::string& prefix : use.prefixes) counters_.show_route_table(prefix, name);
  auto gone = sources_.follow_named(ResourceType::route, wanted);
  if (!gone.empty()) forget_route_tables(std::move(gone));
  // A file that does not have it now is not waited for.
  std::vector<std::string> missing;
  for (const auto& [source, name] : wanted)
    if (source->is_file()) missing.push_back(name);
  do_without(missing);
}

void LiveConfiguration::forget_route_tables(std::vector<std::string> names) {
  asio::post(server_.io(), [this, gone = std::move(names), alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    for (const std::string& name : gone) {
      if (route_users_.contains(name)) continue;
      store_.forget_route_table(name);
      server_.forget_route_table(name);
    }
  });
}

/// Those of the tables that are not there are not waited for any longer.
void LiveConfiguration::do_without(const std::vector<std::string>& route_tables) {
  for (const std::string& name : route_tables)
    if (!server_.knows_route_table(name) && !held_route_tables_.contains(name))
      server_.set_route_table(name, nullptr);
  server_.go_on_with_listeners();
  release_start();
}

void LiveConfiguration::on_response(ResourceType type, std::string_view version, bool accepted) {
  counters_.count(type, "update_attempt");
  counters_.count(type, accepted ? "update_success" : "update_rejected");
  if (accepted) counters_.count_version(type, version);
  answered(type);
}

void LiveConfiguration::on_fetch_timeout(ResourceType type, const std::vector<std::string>& names) {
  use_copy("no answer of a control plane within initial_fetch_timeout");
  if (type == ResourceType::route) {
    for (const std::string& name : names) {
      if (store_.find_route_table(name) != nullptr) continue;
      log::warning(log::Component::config,
                   "route table '{}' has not come within initial_fetch_timeout: requests are "
                   "answered 404 until it does",
                   name);
      count_route_table(name, {"init_fetch_timeout"});
    }
    do_without(names);
  }
  if (!names.empty()) return;  // who waits for endpoints has a limit of its own
  counters_.count(type, "init_fetch_timeout");
  if (copied_.contains(type)) return;
  log::warning(log::Component::config,
               "no answer of a control plane about {} within initial_fetch_timeout: going on "
               "without",
               xds::short_name(type));
  answered(type);
}

void LiveConfiguration::on_lost(ResourceType type) {
  counters_.count(type, "update_attempt");
  counters_.count(type, "update_failure");
}

void LiveConfiguration::answered(ResourceType type) {
  if (unanswered_.erase(type) == 0) return;
  if (type == ResourceType::cluster && std::exchange(listeners_come_later_, false))
    static_cast<void>(follow(ResourceType::listener, *published_->lds));  // fails for files only
  release_start();
}

void LiveConfiguration::release_start() {
  if (!start_held_ || !unanswered_.empty() || applying_ != nullptr) return;
  for (const auto& [name, use] : route_users_)
    if (!server_.knows_route_table(name)) return;
  start_held_ = false;
  server_.release_start();
}

std::vector<Rejection> LiveConfiguration::update(const Update& update) {
  // What only the copy has goes.
  const bool replaces = copied_.contains(update.type) && xds::is_full_state(update.type);
  auto whole = replaces ? std::optional(update) : std::nullopt;
  if (whole) whole->full_state = true;
  auto outcome = apply(whole ? *whole : update);
  replaces_copy(update.type);
  if (copy_ != nullptr) copy_->changed();
  return std::move(outcome.rejections);
}

LiveConfiguration::Outcome LiveConfiguration::apply(const Update& update) {
  auto outcome = store_.update(update);
  if (update.type == ResourceType::endpoints)
    endpoints_changed(update, outcome);
  else if (update.type == ResourceType::route)
    route_tables_changed(update, outcome);
  else if (store_.snapshot() != published_)
    publish(update.type);
  else if (update.type == ResourceType::listener)
    server_.retry_listeners();
  if (xds::is_full_state(update.type) && !outcome.changed.empty()) try_again(update.type);
  if (outcome.changed.size() >= kLargeChange) server_.on_large_change();
  return outcome;
}

/// What was refused for the sake of others may be good now.
void LiveConfiguration::try_again(ResourceType changed) {
  for (const Update& again : store_.second_tries(changed)) {
    std::set<std::string> good;
    for (const Resource& resource : again.changed) good.insert(resource.name);
    for (const Rejection& rejection : apply(again).rejections) good.erase(rejection.name);
    for (const std::string& name : good)
      log::info(
          log::Component::config,
          "{}: resource '{}', which was refused before, is taken now: what it needed is there",
          xds::short_name(again.type), name);
  }
}

/// Those that could not be had, and those that can be had at last.
void LiveConfiguration::note_refused(
    const std::vector<server::ListenerManager::Rejection>& refused) {
  for (const auto& [name, stored] : store_.listeners()) {
    if (!stored.error || !stored.error->of_stored) continue;
    const auto& in_force = server_.listener_manager().in_force();
    if (std::find(in_force.begin(), in_force.end(), stored.config) == in_force.end()) continue;
    log::info(log::Component::config, "listener '{}', which was refused before, is in force now",
              name);
    store_.accept_listener(name);
  }
  for (const auto& [listener, error] : refused) store_.refuse_listener(listener, error.message);
}

void LiveConfiguration::publish(ResourceType changed) {
  const auto before = std::exchange(published_, store_.snapshot());
  if (!server_.is_draining()) applying_ = published_.get();
  server_.apply(published_, [this, applied = published_.get(), alive = std::weak_ptr(alive_)](
                                const std::vector<server::ListenerManager::Rejection>& refused) {
    if (alive.expired()) return;
    note_refused(refused);
    if (applied == applying_ && !server_.clusters_warm()) applying_ = nullptr;
    give_held_route_tables();
    release_start();
  });
  if (changed == ResourceType::listener) return follow_route_tables();
  std::unordered_set<const config::ClusterConfig*> known;
  for (const auto& cluster : before->clusters) known.insert(cluster.get());
  follow_endpoints();
  for (const auto& cluster : published_->clusters)
    if (!known.contains(cluster.get())) give_endpoints(cluster->name, cluster->eds_name());
}

void LiveConfiguration::give_endpoints(const std::string& cluster, std::string_view eds_name) {
  if (const auto* endpoints = store_.find_endpoints(eds_name))
    server_.set_endpoints(cluster, *endpoints);
}

void LiveConfiguration::endpoints_changed(const Update& update,
                                          const ResourceStore::Outcome& outcome) {
  const auto visit = [this](const std::string& name, auto&& act) {
    const auto [first, last] = eds_clusters_.equal_range(name);
    for (auto at = first; at != last; ++at)
      act(*at->second, server_.stats_store().cluster_hosts(at->second->stats_name()));
  };
  for (const std::string& name : outcome.changed)
    visit(name, [this](const config::ClusterConfig& cluster, stats::ClusterHostStats& stats) {
      stats.update_attempt.add();
      stats.update_success.add();
      give_endpoints(cluster.name, cluster.eds_name());
    });
  for (const Rejection& rejection : outcome.rejections)
    visit(rejection.name, [](const config::ClusterConfig&, stats::ClusterHostStats& stats) {
      stats.update_attempt.add();
      stats.update_rejected.add();
    });
  // That there are none is an answer, too: nobody waits for them any longer.
  for (const std::string& name : update.removed)
    if (store_.find_endpoints(name) == nullptr)
      visit(name, [this](const config::ClusterConfig& cluster, stats::ClusterHostStats& stats) {
        stats.update_empty.add();
        server_.set_endpoints(cluster.name, {});
      });
}

void LiveConfiguration::route_tables_changed(const Update& update,
                                             const ResourceStore::Outcome& outcome) {
  for (const std::string& name : outcome.changed) {
    count_route_table(name, {"update_attempt", "update_success", "config_reload"});
    auto table = store_.find_route_table(name);
    if (waits_for_clusters(*table)) {
      held_route_tables_.insert(name);
      continue;
    }
    held_route_tables_.erase(name);
    server_.set_route_table(name, std::move(table));
  }
  // It may not be there yet: whoever waits goes on waiting, and what was before serves.
  for (const std::string& name : update.removed)
    if (!server_.knows_route_table(name)) wait_for_route_table(name);
  std::vector<std::string> missing;
  for (const Rejection& rejection : outcome.rejections) {
    count_route_table(rejection.name, {"update_attempt", "update_rejected"});
    if (!rejection.name.empty()) missing.push_back(rejection.name);
  }
  do_without(missing);
}

/// The stream regards it as answered, and has no timer for it any more.
void LiveConfiguration::wait_for_route_table(const std::string& name) {
  const auto users = route_users_.find(name);
  if (users == route_users_.end() || users->second.fetch_timeout.count() == 0) return;
  auto timer = std::make_shared<asio::steady_timer>(server_.io(), users->second.fetch_timeout);
  timer->async_wait(
      [this, timer, name, alive = std::weak_ptr(alive_)](const std::error_code& error) {
        if (error || alive.expired()) return;
        if (route_users_.contains(name) && !server_.knows_route_table(name))
          on_fetch_timeout(ResourceType::route, {name});
      });
}

/// It leads to clusters that are new and not ready: requests would be answered 503.
bool LiveConfiguration::waits_for_clusters(const route::RouteTable& table) const {
  if (applying_ == nullptr) return false;
  for (const std::string& name : table.config().cluster_names())
    if (server_.find_cluster(name) == nullptr && published_->find_cluster(name)) return true;
  return false;
}

void LiveConfiguration::give_held_route_tables() {
  std::vector<std::string> given;
  for (const std::string& name : held_route_tables_) {
    auto table = store_.find_route_table(name);
    if (table != nullptr && waits_for_clusters(*table)) continue;
    given.push_back(name);
    if (table != nullptr) server_.set_route_table(name, std::move(table));
  }
  for (const std::string& name : given) held_route_tables_.erase(name);
  if (!given.empty()) server_.go_on_with_listeners();
}

void LiveConfiguration::count_route_table(const std::string& name,
                                          std::initializer_list<std::string_view> fields) {
  const auto users = route_users_.find(name);
  if (users == route_users_.end()) return;
  for (const std::string& prefix : users->second.prefixes)
    for (const std::string_view field : fields) counters_.count_route_table(prefix, name, field);
}

}  // namespace weir::discovery
