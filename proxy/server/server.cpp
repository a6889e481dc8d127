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

template <class Visit>
Result<void> for_each_access_log(const config::Snapshot& snapshot, Visit&& visit) {
  const auto visit_chain = [&](const config::FilterChainConfig& chain) -> Result<void> {
    for (const auto& filter : chain.filters)
      if (const auto* network = dynamic_cast<const filters::NetworkFilter*>(filter.get()))
        for (const auto& log : network->access_logs()) TRY_VOID(visit(log));
    return {};
  };
  for (const auto& listener : snapshot.listeners) {
    for (const auto& log : listener->access_logs) TRY_VOID(visit(log));
    for (const auto& chain : listener->filter_chains) TRY_VOID(visit_chain(chain));
    if (listener->default_filter_chain) TRY_VOID(visit_chain(*listener->default_filter_chain));
  }
  return {};
}

}  // namespace

Server::Server(std::shared_ptr<const config::Snapshot> snapshot, admin::CommandLineOptions options,
               std::chrono::steady_clock::time_point started)
    : snapshot_(std::move(snapshot)),
      options_(std::move(options)),
      started_(started),
      stats_(options_.concurrency),
      sinks_(io_, stats_.access_log()),
      cluster_manager_(io_, stats_) {}

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
  TRY_VOID(open_access_logs());
  TRY(auto runtime, RuntimeConfig::build(snapshot_, options_.concurrency));
  runtime_ = std::move(runtime);
  runtime_->health_check_failed = &health_check_failed_;
  TRY(bound_, bind_listeners(*snapshot_, options_.concurrency));
  std::vector<ListenAddress> own;
  for (const BoundAddress& bound : bound_) own.push_back(bound.address);
  loop_guard_ = std::make_unique<upstream::LoopGuard>(std::move(own));
  TRY_VOID(start_admin());
  hosts_.resize(snapshot_->clusters.size());
  cluster_manager_.set_on_host_failed([this](std::size_t cluster, const auto& host) {
    for (auto& worker : workers_) worker->let_go_of(cluster, host);
  });
  cluster_manager_.start(
      snapshot_, [this](std::size_t cluster, auto hosts) { on_hosts(cluster, std::move(hosts)); },
      [this] { on_clusters_ready(); });
  TRY_VOID(make_workers());
  auto& manager = stats_.listener_manager();
  manager.listener_added.add(snapshot_->listeners.size());
  manager.listener_create_success.add(snapshot_->listeners.size() * options_.concurrency);
  manager.total_listeners_active.set(static_cast<std::int64_t>(snapshot_->listeners.size()));
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGUSR1);
  wait_for_signal();
  return {};
}

Result<void> Server::open_access_logs() {
  return for_each_access_log(*snapshot_,
                             [this](const access_log::AccessLogConfig& log) -> Result<void> {
                               TRY([[maybe_unused]] auto* sink, sinks_.open(log));
                               return {};
                             });
}

access_log::OpenedAccessLog Server::find_access_log(const access_log::AccessLogConfig& config) {
  const auto sink = sinks_.open(config);  // opened before: cannot fail
  return {config.format, sink ? *sink : nullptr, config.filter};
}

Result<void> Server::make_workers() {
  std::uint64_t seed = static_cast<std::uint64_t>(started_.time_since_epoch().count());
  for (unsigned index = 0; index < options_.concurrency; ++index) {
    TRY(auto worker,
        Worker::create({index, options_.concurrency, stats_, *loop_guard_, limit_, seed}));
    worker->install(new WorkerConfig(runtime_, worker->context(), stats_, *this, hosts_));
    workers_.push_back(std::move(worker));
  }
  return {};
}

Result<void> Server::start_admin() {
  if (!snapshot_->admin.address) return {};
  admin_ = std::make_unique<admin::AdminServer>(io_, *this);
  return admin_->listen(*snapshot_->admin.address);
}

void Server::on_hosts(std::size_t cluster, std::shared_ptr<const upstream::HostSet> hosts) {
  hosts_[cluster] = hosts;
  for (auto& worker : workers_) worker->set_hosts(cluster, hosts);
}

Result<void> Server::start_workers() {
  TRY_VOID(listen_on(*snapshot_, bound_));
  for (BoundAddress& bound : bound_) {
    for (std::size_t i = 0; i < workers_.size(); ++i)
      TRY_VOID(workers_[i]->add_listening_socket(bound.listener, std::move(bound.sockets[i]),
                                                 bound.address));
    bound.sockets.clear();
  }
  for (auto& worker : workers_) worker->start();
  return {};
}

void Server::on_clusters_ready() {
  if (workers_started_ || draining_) return;
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
  for (const auto& listener : snapshot_->listeners)
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

std::vector<admin::ListenerView> Server::listeners() const {
  std::vector<admin::ListenerView> views;
  for (std::size_t i = 0; i < snapshot_->listeners.size(); ++i) {
    admin::ListenerView view{snapshot_->listeners[i]->name, {}};
    for (const BoundAddress& bound : bound_)
      if (bound.listener == i) view.addresses.push_back(bound.address);
    if (view.addresses.empty())
      for (const auto& address : snapshot_->listeners[i]->addresses)
        view.addresses.push_back(address.address);
    views.push_back(std::move(view));
  }
  return views;
}

std::vector<admin::ClusterView> Server::clusters() const {
  std::vector<admin::ClusterView> views;
  for (std::size_t i = 0; i < snapshot_->clusters.size(); ++i) {
    const auto& original_dst = runtime_->clusters[i].original_dst;
    const upstream::HostSet met{original_dst
                                    ? original_dst->hosts()
                                    : std::vector<std::shared_ptr<const upstream::Host>>{}};
    views.push_back(admin::view_cluster(snapshot_->clusters[i], original_dst ? met : *hosts_[i]));
    if (const auto* outliers = cluster_manager_.outliers(i))
      views.back().outliers = {outliers->external().average, outliers->external().threshold,
                               outliers->local().average, outliers->local().threshold};
  }
  return views;
}

}  // namespace weir::server
