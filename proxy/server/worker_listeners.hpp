// SPDX-License-Identifier: Apache-2.0
// WorkerListeners: the listeners that are in force on one worker, and their listening sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/unique_fd.hpp"
#include "proxy/listener/acceptor.hpp"
#include "proxy/listener/handoff.hpp"
#include "proxy/listener/intake.hpp"
#include "proxy/listener/worker_listener.hpp"

namespace weir::server {

/// The identity of a listener through all its versions: ListenerRuntime::index.
using ListenerId = std::size_t;

struct ReleaseListener {
  void operator()(listener::WorkerListener* listener) const noexcept { listener->release(); }
};
/// What the chains that leave are marked with, not 0, by the listener that they leave. Connections
/// of those that are not here do not notice.
using DrainRounds = std::unordered_map<ListenerId, std::uint64_t>;
/// The worker's own reference to a version.
using ListenerRef = std::unique_ptr<listener::WorkerListener, ReleaseListener>;

/// What changes on one worker. Made on the main thread.
struct ListenerUpdate {
  struct Socket {
    ListenerId listener = 0;
    ListenAddress address;
    UniqueFd fd;  // listens already
    /// It was about to be closed on this worker: nobody does that any more.
    bool was_closing = false;
    bool shared_with_worker = false;
    bool shared_with_process = false;  // the one that ran before, until it lets go of it
  };
  /// A socket that stays open and changes hands.
  struct Move {
    ListenerId from = 0;
    ListenAddress address;
    ListenerId to = 0;
  };
  std::vector<ListenerId> order;  // all that are in force from now on, as configured
  std::shared_ptr<const listener::HandoffTable> handoff;  // by place in `order`
  /// New versions. A chain that is null is taken over from the version before: it has one with the
  /// same fingerprint.
  std::vector<ListenerRef> fresh;
  std::vector<Socket> sockets;
  std::vector<Move> moves;
  std::vector<Move> closed;  // `to` has no meaning
  DrainRounds drain_rounds;
};

/// Worker thread only.
class WorkerListeners {
 public:
  WorkerListeners(listener::Intake& intake, tcp::ConnectionLimit& limit,
                  listener::ConnectionIds& ids)
      : intake_(intake), limit_(limit), ids_(ids) {}
  ~WorkerListeners() { stop(); }
  WorkerListeners(const WorkerListeners&) = delete;
  WorkerListeners& operator=(const WorkerListeners&) = delete;

  /// Connections of chains that leave are told to drain where there is a round for them; all others
  /// do not notice.
  void apply(ListenerUpdate& update);
  /// The drain's time is over: its connections have been ended, and no more are taken.
  void end_drain(std::uint64_t round);
  using Which = std::function<bool(const config::ListenerConfig&)>;
  /// At once: what waits to be accepted is lost.
  void stop_accepting(const Which& which);
  /// As Acceptor says it: nobody is lost.
  void close(const Which& which);
  using Addresses = std::unordered_set<Endpoint, EndpointHash>;
  /// Lets go of sockets that another process has, closes the others gently, and drains all
  /// connections. The listeners stay in force for those that are still inspected.
  void hand_over(const Addresses& kept, const DrainRounds& rounds);
  void pause();
  void accept_waiting();
  void go_on();
  void alone();
  /// Closes every listening socket and lets go of every listener.
  void stop();

 private:
  struct LeavingChain {
    ListenerId listener = 0;
    std::shared_ptr<listener::ChainRun> chain;
  };
  using Leaving = std::vector<LeavingChain>;
  void replace(ListenerRef fresh, Leaving& leaving);
  void remove_others(const std::vector<ListenerId>& wanted, Leaving& leaving);
  void change_sockets(ListenerUpdate& update);
  void drain(const Leaving& leaving, const DrainRounds& rounds);
  template <class Predicate>
  void close_if(Predicate&& leaves);

  listener::Intake& intake_;
  tcp::ConnectionLimit& limit_;
  listener::ConnectionIds& ids_;
  std::unordered_map<ListenerId, ListenerRef> current_;
  /// By round.
  std::unordered_map<std::uint64_t, std::vector<std::weak_ptr<listener::ChainRun>>> draining_;
  std::list<listener::Acceptor> acceptors_;  // not movable
  /// They still accept for a moment, for a listener that may have left.
  std::list<listener::Acceptor> closing_;
};

}  // namespace weir::server
