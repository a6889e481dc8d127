// SPDX-License-Identifier: Apache-2.0
#include "proxy/http_client/client_connection.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"
#include "proxy/tcp/keep_alive.hpp"

namespace weir::http_client {
namespace {

// Edge-triggered: writable costs nothing while it stays so.
constexpr io::Events kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

}  // namespace

ClientConnection::~ClientConnection() {
  if (marked_) environment().loop_guard.unmark({*local_, pool_->host()->address});
  environment().loop.forget(source_);
  out_.release(environment().relay.buffers);
  use_.reset();
  pool_->gone(*this);
}

bool ClientConnection::connect(upstream::UpstreamUse&& use, const RequestOptions& options,
                               std::string& detail) {
  use_ = std::move(use);
  const config::ClusterConfig& config = cluster().config();
  upstream::ConnectOptions connect_options{config.bind_source, config.freebind, options.source};
  auto attempt = upstream::begin_connect(use_.host()->address, connect_options);
  std::optional<Error> error;
  if (attempt.failure) {
    if (attempt.failure->bind_failed) cluster().stats().bind_errors.add();
    error = std::move(attempt.failure->error);
  } else {
    socket_ = std::move(attempt.socket);
    auto source = environment().loop.watch(socket_.get(), kEvents, *this, 0);
    if (source)
      source_ = *source;
    else
      error = std::move(source.error());
  }
  if (error) {
    use_.count_connect_failure();
    detail = std::move(error->message);
    phase_ = Phase::closed;
    pool_->opened(*this);
    destroy();
    return false;
  }
  began_ = environment().loop.now();
  environment().loop.arm(timer_, config.connect_timeout);
  mark(options);
  return true;
}

void ClientConnection::mark(const RequestOptions& options) {
  const bool its_turn = ++environment().upstream_sockets % upstream::LoopGuard::kMarkEvery == 0;
  if (!options.inherited_mark && !its_turn) return;
  const auto local = local_endpoint(socket_.get());
  if (!local) return;
  local_ = *local;
  marked_ = true;
  environment().loop_guard.mark({*local_, use_.host()->address}, options.origin);
}

void ClientConnection::connecting_event(io::Events events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    const int error = take_socket_error(socket_.get());
    close(ResetReason::connect_failed, "connect '" + use_.host()->address.to_string() + "': " +
                                           std::strerror(error != 0 ? error : ECONNABORTED));
    return;
  }
  if ((events & EPOLLOUT) == 0) return;
  pool_->opened(*this);
  cluster().report(*use_.host(), upstream::Outcome::connected);
  cluster().stats().upstream_cx_connect_ms.record(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(environment().loop.now() - began_)
          .count()));
  phase_ = Phase::open;
  timer_.disarm();
  const int socket = socket_.get();
  // Once for all exchanges, whose logs name it; a closed socket has none any more.
  if (const auto local = local_endpoint(socket); local && !local_) local_ = *local;
  // The connection is kept for many exchanges, so it pays for these once.
  static_cast<void>(set_no_delay(socket, true));
  static_cast<void>(
      set_keep_alive(socket, cluster().config().keep_alive.value_or(tcp::kKeepAlive)));
  static_cast<void>(set_user_timeout(socket, tcp::kUserTimeout));
  on_connected();
}

void ClientConnection::on_events(io::Events events, std::uint32_t) {
  guarded([&] {
    if (phase_ == Phase::connecting) {
      connecting_event(events);
      if (phase_ != Phase::open) return;
    }
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_ended_ = true;
    if ((events & EPOLLOUT) != 0 && !out_.empty()) {
      if (!write_out()) return;
      if (out_.empty()) on_drained();
      if (phase_ == Phase::closed) return;
    } else if ((events & EPOLLOUT) != 0 && wants_writable()) {
      on_drained();
      if (phase_ == Phase::closed) return;
    }
    if ((events & ~io::Events{EPOLLOUT}) == 0) return;
    if (paused_)
      unread_ = true;
    else
      on_readable();
  });
}

void ClientConnection::on_timer() {
  guarded([&] {
    if (phase_ == Phase::connecting) {
      cluster().stats().upstream_cx_connect_timeout.add();
      close(ResetReason::connect_timeout, "connect '" + use_.host()->address.to_string() +
                                              "': no answer within the connect timeout");
      return;
    }
    on_idle_timer();
  });
}

bool ClientConnection::write_out(std::string_view tail) {
  if (broken_) return true;
  const std::size_t before = out_.size() + tail.size();
  const auto status = out_.flush(socket_.get(), environment().relay.buffers, tail);
  cluster().stats().upstream_cx_tx_bytes_total.add(before - out_.size());
  if (status != io::OutQueue::Status::failed) return true;
  // An answer may have arrived before the host closed: it is worth more than the error, but this is
  // no place to read it, since who writes may be in the middle of what was read elsewhere.
  broken_ = true;
  out_.release(environment().relay.buffers);
  resume_later();
  return true;
}

void ClientConnection::resume_later() {
  if (!std::exchange(resuming_, true)) environment().loop.resume_soon(*this);
}

void ClientConnection::on_resume() {
  resuming_ = false;
  guarded([&] {
    if (phase_ != Phase::open) return;
    if (broken_ && !paused_) {
      on_readable();
      if (phase_ == Phase::open)
        close(ResetReason::connection_terminated, std::strerror(out_.error()));
      return;
    }
    on_turn();
  });
}

void ClientConnection::set_ready(bool ready) {
  if (phase_ != Phase::open || ready == in_ready_list_) return;
  if (ready)
    pool_->available(*this);
  else
    pool_->unavailable(*this);
}

void ClientConnection::arm_idle() {
  const auto timeout = cluster().config().http.idle_timeout.value_or(
      std::chrono::milliseconds(std::chrono::hours(1)));
  idle_since_ = environment().loop.now();
  // The timer runs on from exchange to exchange; when it fires it looks how long it has been idle.
  if (timeout.count() > 0 && !timer_.armed()) environment().loop.arm(timer_, timeout);
}

void ClientConnection::drain() {
  draining_ = true;
  set_ready(false);
  if (busy() == 0 && phase_ == Phase::open)
    close(ResetReason::local_reset, "the connection is drained");
}

void ClientConnection::close(ResetReason reason, std::string_view detail) {
  if (phase_ == Phase::closed) return;
  const bool was_connecting = phase_ == Phase::connecting;
  // Who hears of the end may ask for a connection at once: not for this one.
  set_ready(false);
  phase_ = Phase::closed;
  guarded([&] {
    timer_.disarm();
    environment().loop.forget(source_);
    if (std::exchange(resuming_, false)) environment().loop.withdraw(*this);
    socket_.reset();
    auto& stats = cluster().stats();
    (reason == ResetReason::connection_terminated ? stats.upstream_cx_destroy_remote
                                                  : stats.upstream_cx_destroy_local)
        .add();
    if (was_connecting) {
      use_.count_connect_failure();
      cluster().report(*use_.host(), reason == ResetReason::connect_timeout
                                         ? upstream::Outcome::timeout
                                         : upstream::Outcome::connect_failed);
      // Not before the waiting ones are told: one of them may open the next connection, and this
      // one's place in the limit must be free by then.
      use_.reset_keeping_host();
      pool_->connect_failed(*this, reason, detail);
    } else {
      end_exchanges(reason, detail);
    }
  });
}

}  // namespace weir::http_client
