// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/worker.hpp"

#include <string>
#include <utility>

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
      intake_(context_),
      listeners_(intake_, limit_, ids_),
      sweep_timer_(*this) {
  loop_->set_turn_end([this] {
    context_.access_logs.flush();
    retired_listeners_.destroy_all();
    clusters_.collect();
  });
}

Worker::~Worker() {
  if (thread_.joinable()) {
    loop_->stop();
    thread_.join();
  }
  // The thread is gone: its objects are ours now.
  listeners_.stop();
  context_.connections.end_if(tcp::EndReason::drained, [](const tcp::Connection&) { return true; });
  context_.access_logs.flush();
  loop_->discard_posted();  // which may hold listeners
  retired_listeners_.destroy_all();
}

void Worker::start() {
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
  clusters_.sweep_original_destinations();
  loop_->arm(sweep_timer_, sweep_interval_);
}

void Worker::sweep_every(std::chrono::milliseconds interval) {
  if (sweep_interval_.count() != 0 && sweep_interval_ <= interval) return;
  sweep_interval_ = interval;
  sweep_timer_.disarm();
  loop_->arm(sweep_timer_, sweep_interval_);
}

void Worker::put_cluster(std::unique_ptr<WorkerClusterEntry> entry) {
  // A task is copyable, so what it holds must be.
  loop_->post(
      [this, held = std::make_shared<std::unique_ptr<WorkerClusterEntry>>(std::move(entry))] {
        const config::ClusterConfig& config = (*held)->cluster.config();
        if (config.discovery == config::DiscoveryType::original_dst)
          sweep_every(config.cleanup_interval);
        clusters_.put(std::move(*held));
      });
}

void Worker::remove_cluster(upstream::ClusterId id) {
  loop_->post([this, id] { clusters_.remove(id); });
}

void Worker::set_hosts(upstream::ClusterId id, std::shared_ptr<const upstream::HostSet> hosts) {
  loop_->post([this, id, hosts = std::move(hosts)] { clusters_.set_hosts(id, hosts); });
}

void Worker::let_go_of(upstream::ClusterId id, std::shared_ptr<const upstream::Host> host) {
  loop_->post([this, id, host = std::move(host)] {
    const upstream::WorkerCluster* const known = clusters_.find(id);
    if (known == nullptr) return;
    known->tell_host_failed(*host);
    if (!known->config().close_connections_on_health_failure) return;
    context_.connections.end_if(tcp::EndReason::host_unhealthy,
                                [&](const tcp::Connection& connection) {
                                  return connection.upstream_host() == host.get();
                                });
  });
}

void Worker::set_route_table(std::shared_ptr<filters::RouteTableSlot> slot,
                             filters::RouteTablePin table) {
  // Not copied: pins of one version are one thread's.
  loop_->post([slot = std::move(slot), held = std::make_shared<filters::RouteTablePin>(std::move(
                                           table))] { slot->current = std::move(*held); });
}

void Worker::update_listeners(ListenerUpdate update) {
  loop_->post([this, held = std::make_shared<ListenerUpdate>(std::move(update))] {
    listeners_.apply(*held);
  });
}

void Worker::end_drained(std::uint64_t round) {
  loop_->post([this, round] {
    context_.connections.end_if(tcp::EndReason::drained, [round](const tcp::Connection& c) {
      return c.drain_round() == round;
    });
    listeners_.end_drain(round);
  });
}

void Worker::stop_accepting(WorkerListeners::Which which) {
  loop_->post([this, which = std::move(which)] { listeners_.stop_accepting(which); });
}

void Worker::close_listeners(WorkerListeners::Which which) {
  loop_->post([this, which = std::move(which)] { listeners_.close(which); });
}

void Worker::hand_over(std::shared_ptr<const WorkerListeners::Addresses> kept, DrainRounds rounds,
                       std::function<void()> done) {
  loop_->post([this, kept = std::move(kept), rounds = std::move(rounds), done = std::move(done)] {
    listeners_.hand_over(*kept, rounds);
    done();
  });
}

void Worker::pause_accepting() {
  loop_->post([this] { listeners_.pause(); });
}

void Worker::go_on_accepting() {
  loop_->post([this] { listeners_.go_on(); });
}

void Worker::have_sockets_alone() {
  loop_->post([this] { listeners_.alone(); });
}

void Worker::accept_waiting(std::function<void()> done) {
  loop_->post([this, done = std::move(done)] {
    listeners_.accept_waiting();
    done();
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
