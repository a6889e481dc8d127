// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/server.hpp"

#include <algorithm>
#include <csignal>
#include <iterator>
#include <utility>

#include <asio/post.hpp>

#include "common/log.hpp"
#include "proxy/config/snapshot_checks.hpp"
#include "proxy/server/machine.hpp"
#include "proxy/server/waiting_listeners.hpp"
#include "proxy/upstream/health/outlier_detector.hpp"

namespace weir::server {
namespace {

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
                             &route_tables_}}),
      shutdown_(
          {.io = io_,
           .workers = workers_,
           .open_connections = [this] { return open_connections(); },
           .close_inbound = [this] { drain_listeners({.graceful = true, .inbound_only = true}); },
           .quit = [this] { quit(); }}),
      take_over_({.io = io_,
                  .sockets = [this] { return duplicate_sockets(); },
                  .hand_over = [this](const std::vector<ListenAddress>& kept,
                                      std::function<void()> done) { hand_over(kept, done); },
                  .on_alone =
                      [this] {
                        for (auto& worker : workers_) worker->have_sockets_alone();
                      },
                  .on_refused = [this](const std::string& reason) { give_way(reason); }}) {}

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
  TRY_VOID(get_sockets());
  cluster_manager_.set_on_host_failed([this](upstream::ClusterId id, const auto& host) {
    for (auto& worker : workers_) worker->let_go_of(id, host);
  });
  TRY_VOID(make_workers());
  clusters_.start(snapshot_, [this] { on_clusters_ready(); });
  clusters_.set_on_progress([this] { on_one_warm(); });
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGUSR1);
  wait_for_signal();
  if (options_.outlive_application) follow_application();
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

Result<void> Server::start_workers() {
  TRY_VOID(listeners_.start());
  for (auto& worker : workers_) worker->start();
  return {};
}

void Server::apply(std::shared_ptr<const config::Snapshot> snapshot, OnApplied on_applied) {
  if (draining_) return;
  // Until now the one before was on its way, or in force.
  snapshot_ = std::move(snapshot);
  on_applied_ = std::move(on_applied);
  listeners_wait_ = true;
  clusters_.update(snapshot_->clusters, [this] { apply_listeners(); });
  // Before the start nothing is gained by having some of them early.
  if (workers_started_ && clusters_.is_warming()) apply_listeners();
}

/// Others are still to come, but who waits for this one need not wait for them. Many may become
/// warm in one turn.
void Server::on_one_warm() {
  if (!workers_started_ || std::exchange(progress_posted_, true)) return;
  asio::post(io_, [this] {
    progress_posted_ = false;
    if (clusters_.is_warming()) apply_listeners();
  });
}

void Server::apply_listeners() {
  if (draining_) return;
  const auto snapshot = snapshot_;
  const auto on_applied = on_applied_;
  const auto listeners = without_waiting(
      snapshot->listeners, listeners_.in_force(),
      [this](const config::ListenerConfig& listener) { return !awaited_by(listener).empty(); });
  listeners_wait_ = listeners != snapshot->listeners;
  auto rejections = listeners_.update(listeners);
  retry_later(!rejections.empty());
  for (const auto& rejection : rejections)
    log::error(log::Component::config,
               "listener '{}' is refused, what was before stays: {}; next try in {} s",
               rejection.listener, rejection.error.message, retry_wait_.count());
  // Route tables that have waited for new clusters go out now, while those of before are still
  // there.
  if (on_applied) on_applied(std::move(rejections));
  // Listeners that wait may still have a version in force that needs a cluster that is to go.
  if (!listeners_wait_ && !clusters_.is_warming()) clusters_.remove_others(snapshot->clusters);
}

/// Without it requests would be answered 503, or find no routes.
std::string Server::awaited_by(const config::ListenerConfig& listener) const {
  std::string awaited;
  config::each_route_table(listener, [&](const config::RouteTableRef& table) {
    if (!route_tables_.knows(table.name)) awaited = "route table '" + table.name + "'";
    return awaited.empty();
  });
  if (!awaited.empty() || !clusters_.is_warming()) return awaited;
  config::any_cluster(listener, [&](const std::string& name) {
    if (clusters_.find(name) == nullptr && snapshot_->find_cluster(name))
      awaited = "cluster '" + name + "'";
    return !awaited.empty();
  });
  return awaited;
}

void Server::go_on_with_listeners() {
  if (!listeners_wait_ || (clusters_.is_warming() && !workers_started_)) return;
  apply_listeners();
}

void Server::retry_listeners() {
  if (listeners_refused_) apply_listeners();
}

void Server::retry_later(bool refused) {
  listeners_refused_ = refused;
  retry_timer_.cancel();
  if (!refused) {
    retry_wait_ = kFirstRetry;
    return;
  }
  retry_timer_.expires_after(retry_wait_);
  retry_timer_.async_wait([this](const std::error_code& error) {
    if (error) return;
    retry_wait_ = std::min(retry_wait_ * 2, kLongestRetry);
    apply_listeners();
  });
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
  take_over_.check_old();
  if (start_error_) return;
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
  serve_take_over();
  give_back_memory_soon();
}

void Server::give_back_memory_soon() {
  memory_timer_.expires_after(kUntilMemoryGoesBack);
  memory_timer_.async_wait([](const asio::error_code& error) {
    if (!error) give_back_memory();
  });
}

std::uint32_t Server::open_connections() const {
  return limit_.active.load(std::memory_order_relaxed);
}

Result<void> Server::run() {
  io_.run();
  if (start_error_) return *std::move(start_error_);
  return {};
}

void Server::quit() { io_.stop(); }

admin::ServerState Server::state() const {
  if (draining_ || health_check_failed_) return admin::ServerState::draining;
  return workers_started_ ? admin::ServerState::live : admin::ServerState::pre_initializing;
}

std::vector<std::string> Server::readiness() const {
  std::vector<std::string> lines;
  for (auto& [cluster, awaited] : cluster_manager_.warming())
    lines.push_back("waiting: cluster '" + cluster + "' for " + awaited);
  const auto& in_force = listeners_.in_force();
  if (listeners_wait_)
    for (const auto& listener : snapshot_->listeners)
      if (std::find(in_force.begin(), in_force.end(), listener) == in_force.end())
        if (const std::string awaited = awaited_by(*listener); !awaited.empty())
          lines.push_back("waiting: listener '" + listener->name + "' for " + awaited);
  if (!more_readiness_) return lines;
  auto more = more_readiness_();
  std::move(more.begin(), more.end(), std::back_inserter(lines));
  return lines;
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
