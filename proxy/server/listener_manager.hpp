// SPDX-License-Identifier: Apache-2.0
// ListenerManager: which version of each listener is in force, with its sockets, and how one set of
// listeners becomes another.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/steady_timer.hpp>

#include "proxy/access_log/sinks.hpp"
#include "proxy/admin/admin_source.hpp"
#include "proxy/server/listener_factory.hpp"
#include "proxy/server/listening_sockets.hpp"
#include "proxy/server/take_over.hpp"
#include "proxy/server/worker.hpp"

namespace weir::server {

/// Main thread. A listener keeps its id, its sockets, its count of connections and its unchanged
/// filter chains through a change; a socket whose address another listener takes over stays open,
/// too.
class ListenerManager {
 public:
  using Listeners = std::vector<std::shared_ptr<const config::ListenerConfig>>;
  using Workers = std::vector<std::unique_ptr<Worker>>;

  /// A listener that could not be had. One of that name that was in force stays so.
  struct Rejection {
    std::string listener;
    Error error;
  };

  struct Setup {
    asio::io_context& io;
    access_log::AccessLogSinks& sinks;
    upstream::LoopGuard& loop_guard;
    const Workers& workers;
    unsigned concurrency = 1;
    std::chrono::seconds drain_time{600};
    FilterSurroundings around;
  };
  explicit ListenerManager(Setup setup) : setup_(std::move(setup)) {}

  /// Binds what is new. Before start() nothing listens; afterwards the workers get the change at
  /// once.
  std::vector<Rejection> update(const Listeners& wanted);
  /// Before the first update(): sockets that addresses of listeners may use instead of binding.
  /// What nobody has used when start() is called is closed.
  void inherit(std::vector<TakenSocket> sockets);
  /// Addresses whose sockets were inherited.
  [[nodiscard]] std::vector<ListenAddress> inherited() const;
  /// Of all listening sockets, for another process; of those that are about to close, too. Error:
  /// no descriptor is left.
  [[nodiscard]] Result<std::vector<TakenSocket>> duplicate_sockets() const;
  /// Another process has the sockets of these addresses: the workers let go of them, close the
  /// others gently, and drain all connections as if every listener had been removed. `done` is
  /// called on the main thread when no worker has one of these any more.
  void hand_over(const std::vector<ListenAddress>& kept, const std::function<void()>& done);
  /// Once: opens the sockets and tells the workers.
  Result<void> start();
  /// The workers close the sockets of these listeners: `gently`, or at once (WorkerListeners).
  void close_sockets(const WorkerListeners::Which& which, bool gently);

  [[nodiscard]] std::vector<admin::ListenerView> views() const;
  /// Those in force, in the order of the configuration.
  [[nodiscard]] const Listeners& in_force() const noexcept { return in_force_; }

  /// Versions that were replaced, and listeners that are gone, as long as their connections drain.
  [[nodiscard]] Listeners draining() const;

 private:
  struct Active {
    ListenerId id = 0;
    std::shared_ptr<const listener::SharedListener> shared;
    std::vector<BoundAddress> bound;
  };
  /// What drains together: the same time for all.
  struct Drain {
    std::uint64_t round = 0;
    std::int64_t listeners = 0;  // that were replaced or are gone
    std::int64_t chains = 0;     // of listeners that go on
    Listeners replaced;
  };
  /// What one call of update() changes.
  struct Change {
    std::vector<std::string> fresh;                       // names
    std::map<std::string, std::vector<bool>> taken_over;  // chains, of those changed in place
    std::vector<ListenerUpdate::Move> moves;
    std::vector<ListenerUpdate::Move> closed;
    std::map<std::string, Active> before;  // versions that were replaced, listeners that went
    std::map<std::chrono::milliseconds, Drain> drains;  // by time
    DrainRounds drain_rounds;
  };

  Result<void> prepare(const std::shared_ptr<const config::ListenerConfig>& config, Change& change);
  Result<void> get_sockets(Active& fresh, Change& change);
  /// Sockets that are open already, and the listener that has them.
  struct Owned {
    ListenerId listener = 0;
    BoundAddress* bound = nullptr;
  };
  std::optional<Owned> find_owner(const config::ListenerAddressConfig& address, const Active& fresh,
                                  Change& change);
  Result<void> check(const config::ListenerConfig& config);
  void count_change(const Active& before, const Active& fresh, Change& change);
  void remove_others(const Listeners& wanted, Change& change);
  void find_closed(Change& change);
  std::optional<BoundAddress> take_back(const config::ListenerConfig& config,
                                        const config::ListenerAddressConfig& address);
  std::optional<BoundAddress> take_inherited(const config::ListenerConfig& config,
                                             const config::ListenerAddressConfig& address);
  void let_go_later(std::shared_ptr<const config::ListenerConfig> listener, BoundAddress&& bound);
  void publish(Change& change);
  Drain* drain_of(const Active& leaving, Change& change);
  void count_leaving(const Active& leaving, Change& change);
  void end_drain_later(std::chrono::milliseconds time, Drain&& drain);
  void tell_loop_guard();
  void add_sockets(ListenerId id, const BoundAddress& bound, std::size_t worker,
                   ListenerUpdate& update) const;
  [[nodiscard]] ListenerUpdate update_for(std::size_t worker, const Change& change);

  Setup setup_;
  std::map<std::string, Active> active_;  // by name
  Listeners in_force_;
  std::shared_ptr<const listener::HandoffTable> handoff_;
  ListenerId next_id_ = 0;
  std::uint64_t last_round_ = 0;
  bool started_ = false;
  std::vector<TakenSocket> inheritance_;
  struct RunningDrain {
    asio::steady_timer timer;
    Drain drain;
  };
  std::list<RunningDrain> drains_;
  /// The workers are closing these sockets. Who wants one again gets it: nobody else could.
  struct LeavingSockets {
    asio::steady_timer timer;
    std::shared_ptr<const config::ListenerConfig> listener;
    BoundAddress bound;
  };
  std::list<LeavingSockets> leaving_;
};

}  // namespace weir::server
