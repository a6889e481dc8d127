// SPDX-License-Identifier: Apache-2.0
// Worker: one thread, one event loop, its own listening sockets, connections, buffers, timers and
// counters.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "proxy/filters/worker_context.hpp"
#include "proxy/listener/acceptor.hpp"
#include "proxy/server/worker_config.hpp"

namespace weir::server {

/// Made and configured on the main thread; after start() the main thread only posts.
class Worker final : io::TimerHandler {
 public:
  struct Setup {
    unsigned index = 0;
    unsigned workers = 1;
    stats::StatsStore& stats;
    upstream::LoopGuard& loop_guard;
    tcp::ConnectionLimit& limit;
    std::uint64_t seed = 0;
  };
  static Result<std::unique_ptr<Worker>> create(const Setup& setup);
  ~Worker();  // stops and joins; connections that are left end as drained

  filters::WorkerContext& context() noexcept { return context_; }

  /// Before start(): takes over the caller's reference.
  void install(WorkerConfig* config);
  /// Before start(): accepts on `socket` for a listener of the installed configuration.
  Result<void> add_listening_socket(std::size_t listener, UniqueFd socket,
                                    const ListenAddress& address);
  void start();

  // From the main thread, after start(); each takes effect on the worker's own time.
  void set_hosts(std::size_t cluster, std::shared_ptr<const upstream::HostSet> hosts);
  /// The host has failed: pools and, if the cluster wants that, connections let go of it.
  void let_go_of(std::size_t cluster, std::shared_ptr<const upstream::Host> host);
  void stop_accepting(std::function<bool(const config::ListenerConfig&)> which);
  void end_connections(tcp::EndReason reason, std::function<bool(config::TrafficDirection)> which);
  /// From now on connections of these directions end as their protocol allows; see
  /// tcp::Connection::drain. What an application opens to the outside is not ended while it is
  /// idle.
  void drain_connections(std::function<bool(config::TrafficDirection)> which);

 private:
  Worker(std::unique_ptr<io::EventLoop> loop, const Setup& setup);
  void on_timer() override;

  std::unique_ptr<io::EventLoop> loop_;
  filters::WorkerContext context_;
  tcp::ConnectionLimit& limit_;
  listener::ConnectionIds ids_;
  WorkerConfig* config_ = nullptr;
  std::deque<listener::Acceptor> acceptors_;
  std::chrono::milliseconds sweep_interval_{0};
  io::Timer sweep_timer_;
  std::thread thread_;
};

}  // namespace weir::server
