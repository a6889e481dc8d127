// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/worker.hpp"

#include <algorithm>
#include <string>

#include <pthread.h>
#include <signal.h>

namespace weir::server {

Result<std::unique_ptr<Worker>> Worker::create(const Setup& setup) {
  TRY(auto loop, io::EventLoop::create());
  return std::unique_ptr<Worker>(new Worker(std::move(loop), setup));
}

Worker::Worker(std::unique_ptr<io::EventLoop> loop, const Setup& setup)
    : loop_(std::move(loop)),
      context_{.worker = setup.index,
               .loop = *loop_,
               .end_reasons = setup.stats.end_reasons(setup.index),
               .loop_guard = setup.loop_guard,
               .random = upstream::Random(setup.seed + setup.index)},
      limit_(setup.limit),
      ids_{setup.index + 1, setup.workers},
      sweep_timer_(*this) {
  loop_->set_turn_end([this] { context_.access_logs.flush(); });
}

Worker::~Worker() {
  if (thread_.joinable()) {
    loop_->stop();
    thread_.join();
  }
  // The thread is gone: its objects are ours now.
  acceptors_.clear();
  context_.connections.end_if(tcp::EndReason::drained, [](const tcp::Connection&) { return true; });
  context_.access_logs.flush();
  if (config_ != nullptr) config_->release();
}

void Worker::install(WorkerConfig* config) {
  config_ = config;
  for (const auto& cluster : config->runtime().snapshot->clusters) {
    if (cluster->discovery != config::DiscoveryType::original_dst) continue;
    const bool sooner = sweep_interval_.count() == 0 || cluster->cleanup_interval < sweep_interval_;
    if (sooner) sweep_interval_ = cluster->cleanup_interval;
  }
}

Result<void> Worker::add_listening_socket(std::size_t listener, UniqueFd socket,
                                          const ListenAddress& address) {
  auto& acceptor = acceptors_.emplace_back(config_->intake(), config_->listener(listener),
                                           std::move(socket), address, limit_, ids_);
  return acceptor.start();
}

void Worker::start() {
  if (sweep_interval_.count() > 0) loop_->arm(sweep_timer_, sweep_interval_);
  // Signals belong to the main thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { loop_->run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread_.native_handle(),
                     ("worker " + std::to_string(context_.worker)).c_str());
}

void Worker::on_timer() {
  config_->sweep_original_destinations();
  loop_->arm(sweep_timer_, sweep_interval_);
}

void Worker::set_hosts(std::size_t cluster, std::shared_ptr<const upstream::HostSet> hosts) {
  loop_->post([this, cluster, hosts = std::move(hosts)] { config_->set_hosts(cluster, hosts); });
}

void Worker::let_go_of(std::size_t cluster, std::shared_ptr<const upstream::Host> host) {
  loop_->post([this, cluster, host = std::move(host)] {
    auto& known = config_->cluster(cluster);
    known.tell_host_failed(*host);
    if (!known.config().close_connections_on_health_failure) return;
    context_.connections.end_if(tcp::EndReason::host_unhealthy,
                                [&](const tcp::Connection& connection) {
                                  return connection.upstream_host() == host.get();
                                });
  });
}

void Worker::stop_accepting(std::function<bool(const config::ListenerConfig&)> which) {
  loop_->post([this, which = std::move(which)] {
    for (auto& acceptor : acceptors_)
      if (which(*acceptor.listener().runtime.config)) acceptor.stop();
  });
}

void Worker::end_connections(tcp::EndReason reason,
                             std::function<bool(config::TrafficDirection)> which) {
  loop_->post([this, reason, which = std::move(which)] {
    context_.connections.end_if(reason,
                                [&](const tcp::Connection& c) { return which(c.direction()); });
  });
}

void Worker::drain_connections(std::function<bool(config::TrafficDirection)> which) {
  using config::TrafficDirection;
  loop_->post([this, which = std::move(which)] {
    for (const auto direction :
         {TrafficDirection::unspecified, TrafficDirection::inbound, TrafficDirection::outbound})
      if (which(direction)) context_.draining[static_cast<std::size_t>(direction)] = true;
    context_.connections.visit([&](tcp::Connection& connection) {
      const auto direction = connection.direction();
      if (which(direction)) connection.drain(direction != TrafficDirection::outbound);
    });
  });
}

}  // namespace weir::server
