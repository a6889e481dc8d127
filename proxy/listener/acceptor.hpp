// SPDX-License-Identifier: Apache-2.0
// Acceptor: one listening socket on one worker.
#pragma once

#include <cstdint>

#include "common/unique_fd.hpp"
#include "proxy/io/event_loop.hpp"
#include "proxy/listener/intake.hpp"
#include "proxy/tcp/connection_slot.hpp"

namespace weir::listener {

/// Numbers of a worker's connections: every `step`-th, so that workers never give the same one.
struct ConnectionIds {
  std::uint64_t next = 0;
  std::uint64_t step = 1;
  std::uint64_t take() noexcept {
    const std::uint64_t id = next;
    next += step;
    return id;
  }
};

/// Accepts until it is closed. When descriptors run out it rests for a moment instead of spinning.
/// Worker thread only.
class Acceptor final : io::EventHandler, io::TimerHandler {
 public:
  /// `socket` listens already (bound on the main thread, so that errors show at start-up).
  /// `listener` stays alive until set_listener() names another.
  Acceptor(Intake& intake, WorkerListener& listener, UniqueFd socket, const ListenAddress& address,
           tcp::ConnectionLimit& limit, ConnectionIds& ids);
  ~Acceptor();

  /// Between the last first segment that the kernel answers and the closing: a handshake ends
  /// within a round trip.
  static constexpr std::chrono::milliseconds kSettle{200};

  Result<void> start();
  /// Closes the listening socket at once: what waits in its backlog is reset by the kernel, unless
  /// another process has the socket, too.
  void stop();
  /// Loses nobody: first segments are dropped from now on, which their clients send again; whoever
  /// has got an answer is still accepted during kSettle. Then as stop(). Keeps its version of the
  /// listener until then.
  void close();
  /// The beginning of close() without its end.
  void pause();
  void go_on();
  /// Another worker has the socket, too, or, until alone(), another process: it may pause it at any
  /// time.
  void share(bool with_process);
  /// The process that had the socket, too, is gone. What it has begun is undone.
  void alone();
  /// Whoever waits in the backlog now.
  void accept_waiting();
  [[nodiscard]] const WorkerListener& listener() const noexcept { return *listener_; }
  [[nodiscard]] const ListenAddress& address() const noexcept { return address_; }
  [[nodiscard]] bool stopped() const noexcept { return !socket_; }
  /// What is accepted from now on belongs to this version of the listener.
  void set_listener(WorkerListener& listener) noexcept { listener_ = &listener; }

 private:
  enum class Step : std::uint8_t { accepted, none_left, out_of_descriptors };
  void on_events(io::Events events, std::uint32_t tag) override;
  void on_timer() override;
  Step accept_one();
  void refuse(tcp::DownstreamConnection& connection, tcp::EndReason reason);
  void rest(int error);
  void drop_first_segments(bool on);
  [[nodiscard]] IpFamily family() const { return address_.endpoint.address.family(); }

  Intake& intake_;
  WorkerListener* listener_;
  UniqueFd socket_;
  const ListenAddress address_;
  tcp::ConnectionLimit& limit_;
  ConnectionIds& ids_;
  io::Timer timer_;
  io::SourceId source_;
  unsigned batch_ = 1;
  bool paused_ = false;       // first segments are dropped
  bool may_inherit_ = false;  // accepted sockets have it from this one
  bool shared_with_worker_ = false;
  bool shared_with_process_ = false;
  bool closing_ = false;  // holds a reference to listener_
};

}  // namespace weir::listener
