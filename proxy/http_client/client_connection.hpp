// SPDX-License-Identifier: Apache-2.0
// ClientConnection: a connection to an upstream host, from connect to close, before HTTP.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/unique_fd.hpp"
#include "proxy/http_client/host_pool.hpp"
#include "proxy/io/out_queue.hpp"

namespace weir::http_client {

/// Lives in a block of its worker, in a list of its HostPool. Destroys itself: at once when it is
/// closed from outside, else when its own handler returns. Worker thread only.
class ClientConnection : io::EventHandler, io::TimerHandler, io::Resumable {
 public:
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  /// Begins to connect. false: it could not; `detail` says why, and the connection is gone.
  bool connect(upstream::UpstreamUse&& use, const RequestOptions& options, std::string& detail);

  /// Serves an exchange. Only while it is in the pool's list of ready ones; calls
  /// events.on_ready().
  virtual void take(ExchangeEvents& events) = 0;
  /// Exchanges that it can take besides those that it has.
  [[nodiscard]] virtual std::uint32_t capacity() const = 0;
  /// Exchanges that it has.
  [[nodiscard]] virtual std::uint32_t busy() const = 0;
  /// Finishes what it has, then closes.
  void drain();
  /// Closes it now; exchanges get on_reset() unless they were cancelled.
  void close(ResetReason reason, std::string_view detail);

 protected:
  explicit ClientConnection(HostPool& pool) noexcept : pool_(&pool), timer_(*this) {}
  virtual ~ClientConnection();

  enum class Phase : std::uint8_t { connecting, open, closed };

  /// The socket is connected: say hello, and become available().
  virtual void on_connected() = 0;
  /// Something can be read; returns when nothing more can, or the connection is closed.
  virtual void on_readable() = 0;
  /// Tells the exchanges that it is over.
  virtual void end_exchanges(ResetReason reason, std::string_view detail) = 0;
  /// What was queued has been written.
  virtual void on_drained() = 0;
  /// on_drained() is wanted although nothing is queued here.
  [[nodiscard]] virtual bool wants_writable() const { return false; }
  virtual void on_idle_timer() = 0;
  /// Its turn has come: see resume_later().
  virtual void on_turn() = 0;
  virtual void destroy() = 0;

  /// Writes what is queued, and `tail`. false: the connection is closed.
  bool write_out(std::string_view tail = {});
  void set_ready(bool ready);
  /// on_turn() is called when the descriptors that are ready now had their turn.
  void resume_later();
  /// Nothing is under way: when it has been so for the cluster's idle timeout, it closes.
  void arm_idle();
  /// Runs `call` so that closing does not destroy this until it returns.
  template <class Call>
  void guarded(Call&& call) {
    const bool outer = inside_;
    inside_ = true;
    call();
    inside_ = outer;
    if (!outer && phase_ == Phase::closed) destroy();
  }

  [[nodiscard]] Environment& environment() const noexcept { return pool_->environment(); }
  [[nodiscard]] upstream::WorkerCluster& cluster() const noexcept { return pool_->cluster(); }
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  [[nodiscard]] const std::optional<Endpoint>& local_end() const noexcept { return local_; }
  [[nodiscard]] const upstream::Host& peer_host() const noexcept { return *use_.host(); }

  HostPool* pool_;
  io::OutQueue out_;
  io::Timer timer_;
  UniqueFd socket_;
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point idle_since_;
  Phase phase_ = Phase::connecting;
  bool draining_ = false;
  bool inside_ = false;
  bool peer_ended_ = false;      // EPOLLRDHUP was seen: a short read is not the end of it
  bool paused_ = false;          // the response is not wanted at the moment
  bool unread_ = false;          // something could be read while it was paused
  bool broken_ = false;          // writing has failed: what arrived before is read, then it is over
  std::uint32_t exchanges_ = 0;  // begun so far

 private:
  friend class HostPool;
  void on_events(io::Events events, std::uint32_t tag) final;
  void on_timer() final;
  void on_resume() final;
  void connecting_event(io::Events events);
  void mark(const RequestOptions& options);

  upstream::UpstreamUse use_;
  io::SourceId source_;
  ClientConnection* next_ = nullptr;
  ClientConnection* previous_ = nullptr;
  bool in_ready_list_ = false;
  bool resuming_ = false;
  bool marked_ = false;
  std::optional<Endpoint> local_;  // from connecting on
};

}  // namespace weir::http_client
