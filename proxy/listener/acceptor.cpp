// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener/acceptor.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "common/log.hpp"
#include "common/socket_address.hpp"
#include "common/socket_options.hpp"
#include "proxy/filters/connection_end.hpp"

namespace weir::listener {
namespace {

// How many connections one readiness may take: grows while every one of them succeeds, so that a
// single connection does not pay for the accept that finds nothing.
constexpr unsigned kLargestBatch = 32;

constexpr std::chrono::milliseconds kRest{100};

// SOMAXCONN, which is what the kernel lets wait unless it was told otherwise.
constexpr unsigned kLongestBacklog = 4096;

std::chrono::system_clock::time_point coarse_wall_clock() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return std::chrono::system_clock::time_point{
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec})};
}

}  // namespace

Acceptor::Acceptor(Intake& intake, WorkerListener& listener, UniqueFd socket,
                   const ListenAddress& address, tcp::ConnectionLimit& limit, ConnectionIds& ids)
    : intake_(intake),
      listener_(&listener),
      socket_(std::move(socket)),
      address_(address),
      limit_(limit),
      ids_(ids),
      timer_(*this) {}

Acceptor::~Acceptor() { stop(); }

Result<void> Acceptor::start() {
  TRY(source_, intake_.worker().loop.watch(socket_.get(), EPOLLIN, *this, 0));
  return {};
}

void Acceptor::stop() {
  timer_.disarm();
  // Not left to close(2): another process may have the socket, which then stays in our epoll.
  if (source_.valid()) intake_.worker().loop.unwatch(source_, socket_.get());
  socket_.reset();
  if (std::exchange(closing_, false)) listener_->release();
}

void Acceptor::close() {
  if (!socket_ || closing_) return;
  pause();
  listener_->retain();
  closing_ = true;
  timer_.disarm();
  intake_.worker().loop.arm(timer_, kSettle);
}

void Acceptor::pause() {
  if (socket_ && !paused_) drop_first_segments(true);
}

void Acceptor::go_on() {
  if (!socket_ || closing_) return;
  drop_first_segments(false);
  // Those that wait, or are about to, have inherited it.
  may_inherit_ = true;
  timer_.disarm();
  intake_.worker().loop.arm(timer_, kSettle);
}

void Acceptor::share(bool with_process) {
  (with_process ? shared_with_process_ : shared_with_worker_) = true;
  if (with_process) drop_first_segments(false);  // that one may have begun to close it
}

void Acceptor::alone() {
  if (!shared_with_process_) return;
  if (!paused_) go_on();  // else it is we who have paused
  shared_with_process_ = false;
}

void Acceptor::drop_first_segments(bool on) {
  // Without it a few may be refused, as always; there is nothing better to do.
  if (auto set = set_first_segments_dropped(socket_.get(), family(), on); !set)
    log::warning(log::Component::listener, "listener '{}' {}: {}", listener_->runtime.config->name,
                 address_.to_string(), set.error().message);
  paused_ = on;
  may_inherit_ |= on;
}

void Acceptor::accept_waiting() {
  // Bounded: new ones may come as fast as they are accepted.
  for (unsigned i = 0; i < kLongestBacklog && socket_; ++i)
    if (accept_one() != Step::accepted) break;
}

void Acceptor::on_events(io::Events, std::uint32_t) {
  for (unsigned i = 0; i < batch_; ++i) {
    if (!socket_) return;  // stopped by what the last connection did
    if (accept_one() != Step::accepted) {
      batch_ = 1;
      return;
    }
  }
  if (batch_ < kLargestBatch) batch_ *= 2;
}

Acceptor::Step Acceptor::accept_one() {
  SocketAddress peer;
  tcp::DownstreamConnection connection;
  connection.socket.reset(
      accept4(socket_.get(), &peer.generic, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection.socket) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Step::none_left;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      rest(errno);
      return Step::out_of_descriptors;
    }
    return Step::accepted;  // this one is gone (ECONNABORTED and its like); the next may be well
  }
  // What it may have inherited is for listening sockets.
  if (may_inherit_ || shared_with_worker_ || shared_with_process_)
    static_cast<void>(set_first_segments_dropped(connection.socket.get(), family(), false));
  connection.id = ids_.take();
  connection.accepted = intake_.worker().loop.now();
  connection.start = coarse_wall_clock();
  connection.peer = {peer.endpoint()};
  connection.destination = {address_.endpoint};
  const config::ListenerConfig& config = *listener_->runtime.config;
  const auto* own = listener_->runtime.connections;
  if (own != nullptr && own->load(std::memory_order_relaxed) >= *config.connection_limit) {
    listener_->runtime.stats->downstream_cx_overflow.add();
    refuse(connection, tcp::EndReason::listener_connection_limit);
    return Step::accepted;
  }
  auto slot = tcp::ConnectionSlot::take(limit_, !config.ignore_global_connection_limit);
  if (!slot) {
    listener_->runtime.stats->downstream_global_cx_overflow.add();
    refuse(connection, tcp::EndReason::global_connection_limit);
    return Step::accepted;
  }
  connection.slot = std::move(*slot);
  intake_.accept(std::move(connection), *listener_);
  return Step::accepted;
}

void Acceptor::refuse(tcp::DownstreamConnection& connection, tcp::EndReason reason) {
  auto record = filters::record_of(connection, intake_.worker().loop.now());
  record.listener_name = listener_->runtime.config->name;
  filters::report_end(intake_.worker(), reason, record, listener_->runtime.access_logs, {});
}

void Acceptor::rest(int error) {
  listener_->runtime.stats->downstream_cx_overload_reject.add();
  log::warning(
      log::Component::listener,
      "listener '{}' {}: accept: {}; resting for {} ms. Raise the limit of open files (ulimit -n)",
      listener_->runtime.config->name, address_.to_string(), std::strerror(error), kRest.count());
  if (source_.valid()) intake_.worker().loop.unwatch(source_, socket_.get());
  if (closing_) return;  // soon
  timer_.disarm();
  intake_.worker().loop.arm(timer_, kRest);
}

void Acceptor::on_timer() {
  if (closing_) {
    accept_waiting();
    return stop();
  }
  may_inherit_ = paused_;
  if (source_.valid()) return;
  if (auto watched = start(); !watched) intake_.worker().loop.arm(timer_, kRest);
}

}  // namespace weir::listener
