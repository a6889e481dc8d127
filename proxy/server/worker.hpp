// SPDX-License-Identifier: Apache-2.0
// Worker: one thread, one event loop, its own listening sockets, connections, buffers, timers and
// counters.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "proxy/filters/network/http_connection_manager/routes_in_use.hpp"
#include "proxy/filters/worker_context.hpp"
#include "proxy/server/worker_clusters.hpp"
#include "proxy/server/worker_listeners.hpp"

namespace weir::server {

/// Made on the main thread, which from then on only posts: each call takes effect on the worker's
/// own time, in order, and what was posted before start() as soon as it runs.
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

  // For making filters: they may keep the references, and use nothing of them on the main thread.
  filters::WorkerContext& context() noexcept { return context_; }
  filters::ClusterLookup& clusters() noexcept { return clusters_; }
  listener::RetiredListeners& retired_listeners() noexcept { return retired_listeners_; }

  void start();

  void put_cluster(std::unique_ptr<WorkerClusterEntry> entry);
  void remove_cluster(upstream::ClusterId id);
  void set_hosts(upstream::ClusterId id, std::shared_ptr<const upstream::HostSet> hosts);
  /// The host has failed: pools and, if the cluster wants that, connections let go of it.
  void let_go_of(upstream::ClusterId id, std::shared_ptr<const upstream::Host> host);
  void set_route_table(std::shared_ptr<filters::RouteTableSlot> slot, filters::RouteTablePin table);
  void update_listeners(ListenerUpdate update);
  /// Ends what is left of a drain: see ListenerUpdate::drain_rounds.
  void end_drained(std::uint64_t round);
  // WorkerListeners says what each does.
  void stop_accepting(WorkerListeners::Which which);
  void close_listeners(WorkerListeners::Which which);
  void hand_over(std::shared_ptr<const WorkerListeners::Addresses> kept, DrainRounds rounds,
                 std::function<void()> done);
  void pause_accepting();
  void go_on_accepting();
  void have_sockets_alone();
  /// As hand_over(), calls `done` on the worker's thread when it is done.
  void accept_waiting(std::function<void()> done);
  void end_connections(tcp::EndReason reason, std::function<bool(config::TrafficDirection)> which);
  /// From now on connections of these directions end as their protocol allows; see
  /// tcp::Connection::drain. What an application opens to the outside is not ended while it is
  /// idle.
  void drain_connections(std::function<bool(config::TrafficDirection)> which);

 private:
  Worker(std::unique_ptr<io::EventLoop> loop, const Setup& setup);
  void on_timer() override;
  void sweep_every(std::chrono::milliseconds interval);

  std::unique_ptr<io::EventLoop> loop_;
  filters::WorkerContext context_;
  tcp::ConnectionLimit& limit_;
  listener::ConnectionIds ids_;
  WorkerClusters clusters_;
  listener::RetiredListeners retired_listeners_;
  listener::Intake intake_;
  WorkerListeners listeners_;
  std::chrono::milliseconds sweep_interval_{0};
  io::Timer sweep_timer_;
  std::thread thread_;
};

}  // namespace weir::server
