// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/server.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "common/log.hpp"
#include "proxy/server/machine.hpp"
#include "proxy/upstream/health/outlier_detector.hpp"

namespace weir::server {
namespace {

constexpr std::chrono::milliseconds kDrainCheck{50};
/// Long enough for the workers to have done what the change asks of them.
constexpr std::chrono::milliseconds kUntilMemoryGoesBack{150};

}  // namespace

Server::Server(std::shared_ptr<const config::Snapshot> snapshot, admin::CommandLineOptions options,
               std::chrono::steady_clock::time_point started)
    : snapshot_(std::move(snapshot)),
      options_(std::move(options)),
      started_(started),
      stats_(options_.concurrency),
      sinks_(io_, stats_.access_log()),
      cluster_manager_(io_, stats_),
      clusters_(cluster_manager_, stats_, workers_),
      listeners_({.io = io_,
                  .sinks = sinks_,
                  .loop_guard = loop_guard_,
                  .workers = workers_,
                  .concurrency = options_.concurrency,
                  .drain_time = options_.drain_time,
                  .around = {stats_, *this, snapshot_->node.cluster, &health_check_failed_,
                             &route_tables_}}) {}

Server::~Server() {
  cluster_manager_.stop();
  workers_.clear();  // before what their connections point to
  sinks_.flush();
}

Result<void> Server::prepare() {
  // splice(2) into a closed socket would raise it; the error is what counts.
  std::signal(SIGPIPE, SIG_IGN);
  const std::uint64_t open_files = raise_open_file_limit();
  limit_.maximum = connection_limit(open_files);
  if (snapshot_->global_connection_limit) {
    const std::uint64_t configured = *snapshot_->global_connection_limit;
    limit_.maximum =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(limit_.maximum, configured));
  }
  auto rejections = listeners_.update(snapshot_->listeners);
  if (!rejections.empty()) return std::move(rejections.front().error);
  TRY_VOID(start_admin());
  cluster_manager_.set_on_host_failed([this](upstream::ClusterId id, const auto& host) {
    for (auto& worker : workers_) worker->let_go_of(id, host);
  });
  TRY_VOID(make_workers());
  clusters_.start(snapshot_, [this] { on_clusters_ready(); });
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGUSR1);
  wait_for_signal();
  return {};
}

access_log::OpenedAccessLog Server::find_access_log(const access_log::AccessLogConfig& config) {
  const auto sink = sinks_.open(config);  // opened before: cannot fail
  return {config.format, sink ? *sink : nullptr, config.filter};
}

Result<void> Server::make_workers() {
  std::uint64_t seed = static_cast<std::uint64_t>(started_.time_since_epoch().count());
  for (unsigned index = 0; index < options_.concurrency; ++index) {
    TRY(auto worker,
        Worker::create({index, options_.concurrency, stats_, loop_guard_, limit_, seed}));
    workers_.push_back(std::move(worker));
  }
  return {};
}

Result<void> Server::start_admin() {
  if (!snapshot_->admin.address) return {};
  admin_ = std::make_unique<admin::AdminServer>(io_, *this);
  return admin_->listen(*snapshot_->admin.address);
}

Result<void> Server::start_workers() {
  TRY_VOID(listeners_.start());
  for (auto& worker : workers_) worker->start();
  return {};
}

void Server::apply(std::shared_ptr<const config::Snapshot> snapshot, OnApplied on_applied) {
  if (draining_) return;
  // Until now the one before was on its way, or in force.
  waiting_.reset();
  snapshot_ = std::move(snapshot);
  clusters_.update(snapshot_->clusters,
                   [this, wanted = snapshot_, on_applied = std::move(on_applied)] {
                     apply_listeners(wanted, on_applied);
                   });
}

void Server::apply_listeners(const std::shared_ptr<const config::Snapshot>& snapshot,
                             const OnApplied& on_applied) {
  if (draining_) return;
  const auto listeners = without_waiting(snapshot->listeners);
  const bool all = listeners == snapshot->listeners;
  auto rejections = listeners_.update(listeners);
  for (const auto& rejection : rejections)
    log::error(log::Component::config, "listener '{}' is refused, what was before stays: {}",
               rejection.listener, rejection.error.message);
  // Those that wait may still have a version in force that needs a cluster that is to go.
  if (all) clusters_.remove_others(snapshot->clusters);
  waiting_.reset();
  if (!all) waiting_ = {snapshot, on_applied};
  if (on_applied) on_applied(std::move(rejections));
}

/// Of a listener whose route tables are not there yet: the version that is in force, if any.
ListenerManager::Listeners Server::without_waiting(const ListenerManager::Listeners& wanted) {
  ListenerManager::Listeners ready;
  for (const auto& listener : wanted) {
    const bool whole = config::each_route_table(*listener, [&](const config::RouteTableRef& table) {
      return route_tables_.knows(table.name);
    });
    if (whole) {
      ready.push_back(listener);
      continue;
    }
    for (const auto& before : listeners_.in_force())
      if (before->name == listener->name) ready.push_back(before);
  }
  return ready;
}

void Server::go_on_with_listeners() {
  if (!waiting_) return;
  const auto waiting = *waiting_;
  apply_listeners(waiting.snapshot, waiting.on_applied);
}

void Server::on_clusters_ready() {
  clusters_ready_ = true;
  start_if_ready();
}

void Server::release_start() {
  start_held_ = false;
  start_if_ready();
}

void Server::start_if_ready() {
  if (!clusters_ready_ || start_held_ || workers_started_ || draining_) return;
  if (auto started = start_workers(); !started) {
    start_error_ = std::move(started.error());
    quit();
    return;
  }
  workers_started_ = true;
  stats_.listener_manager().workers_started.set(1);
  initialization_time_ = std::chrono::duration_cast<std::chrono::milliseconds>(uptime());
  log::info(log::Component::main,
            "serving {} listeners and {} clusters with {} workers; at most {} connections",
            snapshot_->listeners.size(), snapshot_->clusters.size(), workers_.size(),
            limit_.maximum);
  give_back_memory_soon();
}

void Server::give_back_memory_soon() {
  memory_timer_.expires_after(kUntilMemoryGoesBack);
  memory_timer_.async_wait([](const asio::error_code& error) {
    if (!error) give_back_memory();
  });
}

void Server::wait_for_signal() {
  signals_.async_wait([this](const asio::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGUSR1) {
      reopen_logs();
    } else if (signal == SIGTERM && !draining_) {
      begin_shutdown();
    } else {
      log::info(log::Component::main, "ending at once: {}",
                signal == SIGINT ? "SIGINT" : "second SIGTERM");
      quit();
    }
    wait_for_signal();
  });
}

void Server::begin_shutdown() {
  log::info(log::Component::main, "SIGTERM: draining for at most {} s; {} connections open",
            options_.drain_time.count(), open_connections());
  draining_ = true;
  const auto now = std::chrono::steady_clock::now();
  drain_deadline_ = now + options_.drain_time;
  quiet_since_ = now;
  drain_listeners({.graceful = true, .inbound_only = true});
  for (auto& worker : workers_)
    worker->drain_connections([](config::TrafficDirection direction) {
      return direction != config::TrafficDirection::inbound;  // those drain already
    });
  check_drained();
}

std::uint32_t Server::open_connections() const {
  return limit_.active.load(std::memory_order_relaxed);
}

void Server::check_drained() {
  const auto now = std::chrono::steady_clock::now();
  const std::uint32_t open = open_connections();
  if (open > 0) quiet_since_ = now;
  if (now - quiet_since_ >= kQuiet || now >= drain_deadline_) {
    log::info(log::Component::main, "drained: {} connections left to close", open);
    quit();
    return;
  }
  drain_timer_.expires_after(kDrainCheck);
  drain_timer_.async_wait([this](const asio::error_code& error) {
    if (!error) check_drained();
  });
}

Result<void> Server::run() {
  io_.run();
  if (start_error_) return *std::move(start_error_);
  return {};
}

void Server::quit() { io_.stop(); }

void Server::drain_listeners(const admin::DrainRequest& request) {
  std::int64_t stopped = 0;
  for (const auto& listener : listeners_.in_force())
    if (!request.inbound_only || listener->direction == config::TrafficDirection::inbound)
      ++stopped;
  auto& manager = stats_.listener_manager();
  manager.total_listeners_draining.set(stopped);
  manager.listener_stopped.add(static_cast<std::uint64_t>(stopped));
  for (auto& worker : workers_) {
    worker->stop_accepting([only = request.inbound_only](const config::ListenerConfig& listener) {
      return !only || listener.direction == config::TrafficDirection::inbound;
    });
    const auto concerned = [only = request.inbound_only](config::TrafficDirection direction) {
      return !only || direction == config::TrafficDirection::inbound;
    };
    // Not graceful means that what runs is cut as well; graceful leaves it to its own end.
    if (request.graceful)
      worker->drain_connections(concerned);
    else
      worker->end_connections(tcp::EndReason::drained, concerned);
  }
}

admin::ServerState Server::state() const {
  if (draining_ || health_check_failed_) return admin::ServerState::draining;
  return workers_started_ ? admin::ServerState::live : admin::ServerState::pre_initializing;
}

std::chrono::steady_clock::duration Server::uptime() const {
  return std::chrono::steady_clock::now() - started_;
}

std::vector<admin::ListenerView> Server::listeners() const { return listeners_.views(); }

admin::Response Server::dump_config(const admin::QueryParams& params) const {
  if (config_dumper_) return config_dumper_(params);
  return {503, admin::kPlainText, "the configuration is not loaded yet\n"};
}

std::vector<admin::ClusterView> Server::clusters() const {
  std::vector<admin::ClusterView> views;
  for (const auto& config : snapshot_->clusters) {
    const auto* const active = clusters_.find(config->name);
    if (active == nullptr) continue;  // its first version is warming
    const auto& original_dst = active->shared->original_dst;
    const upstream::HostSet met{original_dst
                                    ? original_dst->hosts()
                                    : std::vector<std::shared_ptr<const upstream::Host>>{}};
    views.push_back(admin::view_cluster(active->config,
                                        original_dst ? met : *cluster_manager_.hosts(active->id)));
    views.back().added_via_api = active->config->origin != nullptr;
    if (const auto* outliers = cluster_manager_.outliers(active->id))
      views.back().outliers = {outliers->external().average, outliers->external().threshold,
                               outliers->local().average, outliers->local().threshold};
  }
  return views;
}

}  // namespace weir::server
