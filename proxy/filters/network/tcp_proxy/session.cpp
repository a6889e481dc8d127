// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/tcp_proxy/session.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <unistd.h>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"
#include "proxy/filters/connection_end.hpp"
#include "proxy/tcp/congestion_control.hpp"
#include "proxy/tcp/keep_alive.hpp"

namespace weir::filters {
namespace {

using tcp::EndReason;
using tcp::RelayStatus;
using tcp::ShortRead;

// Edge-triggered: writable costs nothing while it stays so, hence the upstream socket, which needs
// it for its connect, keeps it. The downstream one gets it with its first blocked write.
constexpr io::Events kReadable = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET;
constexpr io::Events kReadableWritable = kReadable | EPOLLOUT;

ShortRead after_event(ShortRead known, io::Events events) {
  if ((events & (EPOLLPRI | EPOLLERR)) != 0 || known == ShortRead::proves_nothing)
    return ShortRead::proves_nothing;
  return (events & (EPOLLRDHUP | EPOLLHUP)) != 0 ? ShortRead::ends_stream : known;
}

// Dead-peer detection is set up once a connection has lived this long: short ones never pay for the
// calls.
constexpr std::chrono::seconds kLongLived{10};

}  // namespace

void TcpProxyInstance::on_connection(tcp::DownstreamConnection&& connection) {
  stats->downstream_cx_total.add();
  auto* session = worker->connection_blocks.make<TcpProxySession>(*this, std::move(connection));
  worker->connections.add(*session);
  session->start();
}

TcpProxySession::TcpProxySession(TcpProxyInstance& instance, tcp::DownstreamConnection&& connection)
    : instance_(instance),
      slot_(std::move(connection.slot)),
      listener_(std::move(*connection.listener)),
      chain_(connection.filter_chain),
      timer_(*this),
      downstream_(std::move(connection.socket)),
      id_(connection.id),
      accepted_(connection.accepted),
      start_(connection.start),
      last_activity_(connection.accepted),
      peer_(connection.peer),
      destination_(connection.destination),
      restored_(connection.restored) {
  if (connection.inspection != nullptr) rare().inspection = std::move(connection.inspection);
  if (connection.loop_origin) rare().loop_origin = connection.loop_origin;
  if (!connection.keep_source) return;
  keeps_source_ = true;
  keeps_source_port_ = connection.keep_source->bind_port;
  source_mark_ = connection.keep_source->mark;
}

TcpProxySession::~TcpProxySession() {
  if (cluster_ != nullptr) cluster_->release();
}

config::TrafficDirection TcpProxySession::direction() const { return listener_->config->direction; }

TcpProxySession::Rare& TcpProxySession::rare() {
  if (rare_ == nullptr) rare_ = std::make_unique<Rare>();
  return *rare_;
}

void TcpProxySession::start() {
  const auto& targets = instance_.targets;
  std::size_t chosen = 0;
  if (targets.size() > 1) {
    std::uint32_t point = instance_.worker->random.below(instance_.total_weight);
    while (point >= targets[chosen].weight) point -= targets[chosen++].weight;
  }
  cluster_ = instance_.clusters->find_cluster(targets[chosen].name);
  if (cluster_ == nullptr) {
    instance_.stats->downstream_cx_no_route.add();
    rare().transport_failure = "cluster '" + targets[chosen].name + "' is not configured";
    end(EndReason::no_cluster);
    return;
  }
  cluster_->retain();
  try_host(nullptr);
}

bool TcpProxySession::would_loop(const UpstreamAddress& target) const {
  const bool client_chose = cluster_->config().discovery == config::DiscoveryType::original_dst;
  if (client_chose && instance_.worker->loop_guard.is_own_listener(target)) return true;
  return rare_ != nullptr && rare_->loop_origin &&
         *rare_->loop_origin == upstream::LoopGuard::Origin{listener_->index, target};
}

bool TcpProxySession::try_host(const upstream::Host* previous) {
  const auto destination = restored_ ? std::optional(destination_) : std::nullopt;
  auto pick = cluster_->pick(destination, instance_.worker->random, previous);
  if (pick.host == nullptr) {
    end(pick.failure);
    return false;
  }
  if (would_loop(pick.host->address)) {
    end(EndReason::loop_refused);
    return false;
  }
  auto use = upstream::UpstreamUse::take(*cluster_, std::move(pick.host));
  if (!use) {
    end(EndReason::cluster_connection_limit);
    return false;
  }
  upstream_use_ = std::move(*use);
  return begin_connect(upstream_use_);
}

upstream::ConnectOptions TcpProxySession::connect_options() const {
  upstream::ConnectOptions options{cluster_->config().bind_source, cluster_->config().freebind, {}};
  if (keeps_source_)
    options.client =
        upstream::ClientSource{peer_, destination_, {source_mark_, keeps_source_port_}};
  return options;
}

bool TcpProxySession::begin_connect(const upstream::UpstreamUse& use) {
  ++attempts_;
  const config::ClusterConfig& cluster = cluster_->config();
  const UpstreamAddress& target = use.host()->address;
  auto attempt = upstream::begin_connect(target, connect_options());
  if (attempt.failure) {
    const bool bind_failed = attempt.failure->bind_failed;
    if (bind_failed)
      cluster_->stats().bind_errors.add();
    else
      cluster_->report(*use.host(), upstream::Outcome::connect_failed);
    return connect_failed(
        std::move(attempt.failure->error.message),
        bind_failed && keeps_source_ ? EndReason::source_not_kept : EndReason::connect_failed);
  }
  upstream_ = std::move(attempt.socket);
  auto& loop = instance_.worker->loop;
  auto source = loop.watch(upstream_.get(), kReadableWritable, *this, kUpstream);
  if (!source) return connect_failed(std::move(source.error().message), EndReason::connect_failed);
  upstream_source_ = *source;
  loop.arm(timer_, cluster.connect_timeout);
  const bool marked = rare_ != nullptr && rare_->loop_origin;
  if (marked || ++instance_.worker->upstream_sockets % upstream::LoopGuard::kMarkEvery == 0)
    mark_for_loop_guard(target);
  return true;
}

void TcpProxySession::mark_for_loop_guard(const UpstreamAddress& target) {
  const auto local = local_endpoint(upstream_.get());
  if (!local) return;
  const auto origin =
      rare().loop_origin.value_or(upstream::LoopGuard::Origin{listener_->index, target});
  rare().marked = upstream::LoopGuard::Socket{*local, target};
  instance_.worker->loop_guard.mark(*rare().marked, origin);
}

void TcpProxySession::unmark_for_loop_guard() {
  if (rare_ == nullptr || !rare_->marked) return;
  instance_.worker->loop_guard.unmark(*rare_->marked);
  rare_->marked.reset();
}

bool TcpProxySession::connect_failed(std::string reason, EndReason end_reason) {
  upstream_use_.count_connect_failure();
  rare().transport_failure = std::move(reason);
  unmark_for_loop_guard();
  instance_.worker->loop.forget(upstream_source_);
  upstream_.reset();
  timer_.disarm();
  if (attempts_ >= instance_.config->max_connect_attempts) {
    cluster_->stats().upstream_cx_connect_attempts_exceeded.add();
    end(end_reason);
    return false;
  }
  const auto previous = upstream_use_.reset_keeping_host();
  return try_host(previous.get());
}

bool TcpProxySession::on_connecting(io::Events events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    const int error = take_socket_error(upstream_.get());
    cluster_->report(*upstream_use_.host(), upstream::Outcome::connect_failed);
    return connect_failed("connect '" + upstream_use_.host()->address.to_string() +
                              "': " + std::strerror(error != 0 ? error : ECONNABORTED),
                          EndReason::connect_failed);
  }
  if ((events & EPOLLOUT) == 0) return true;
  return on_connected();
}

bool TcpProxySession::on_connected() {
  phase_ = Phase::relaying;
  cluster_->report(*upstream_use_.host(), upstream::Outcome::connected_final);
  arm_next();
  // The client has usually sent its first bytes by now: trying saves the turn in which epoll would
  // say so.
  if (!pump_upstream()) return false;
  // It has not: a server that speaks first must not wait for our ACK.
  if (to_upstream_.bytes() == 0) static_cast<void>(set_quick_ack(upstream_.get(), true));
  auto source = instance_.worker->loop.watch(downstream_.get(), kReadable, *this, kDownstream);
  if (!source) {
    rare().transport_failure = std::move(source.error().message);
    end(EndReason::connect_failed);
    return false;
  }
  downstream_source_ = *source;
  return true;
}

bool TcpProxySession::on_side(io::Events events, bool from_downstream) {
  const tcp::RelayDirection& reading = from_downstream ? to_upstream_ : to_downstream_;
  const tcp::RelayDirection& writing = from_downstream ? to_downstream_ : to_upstream_;
  // A direction that waits for its destination has nothing to gain from more bytes at its source.
  if ((events & ~io::Events{EPOLLOUT}) != 0 && !reading.blocked()) {
    if (!(from_downstream ? pump_upstream() : pump_downstream())) return false;
    if (reading.finished() && (events & EPOLLERR) != 0) return reset_by(from_downstream);
  }
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0 || !writing.blocked()) return true;
  return from_downstream ? pump_downstream() : pump_upstream();
}

void TcpProxySession::on_events(io::Events events, std::uint32_t tag) {
  last_activity_ = instance_.worker->loop.now();
  if (tag == kDownstream) {
    downstream_short_read_ = after_event(downstream_short_read_, events);
    on_side(events, true);
    return;
  }
  if (phase_ == Phase::connecting) {
    if (!on_connecting(events) || phase_ == Phase::connecting) return;
  }
  upstream_short_read_ = after_event(upstream_short_read_, events);
  on_side(events, false);
}

void TcpProxySession::count_bytes(std::uint64_t up_before, std::uint64_t down_before) {
  if (const std::uint64_t up = to_upstream_.bytes() - up_before; up != 0) {
    instance_.stats->downstream_cx_rx_bytes_total.add(up);
    cluster_->stats().upstream_cx_tx_bytes_total.add(up);
  }
  if (const std::uint64_t down = to_downstream_.bytes() - down_before; down != 0) {
    instance_.stats->downstream_cx_tx_bytes_total.add(down);
    cluster_->stats().upstream_cx_rx_bytes_total.add(down);
  }
}

bool TcpProxySession::pump_upstream() {
  const std::uint64_t before = to_upstream_.bytes();
  const RelayStatus status = to_upstream_.pump(
      downstream_.get(), upstream_.get(), instance_.worker->relay, downstream_short_read_,
      listener_->config->per_connection_buffer_limit, to_downstream_.finished());
  count_bytes(before, to_downstream_.bytes());
  return settle(status, true);
}

bool TcpProxySession::pump_downstream() {
  const std::uint64_t before = to_downstream_.bytes();
  const RelayStatus status = to_downstream_.pump(
      upstream_.get(), downstream_.get(), instance_.worker->relay, upstream_short_read_,
      cluster_->config().per_connection_buffer_limit, to_upstream_.finished());
  count_bytes(to_upstream_.bytes(), before);
  return settle(status, false);
}

bool TcpProxySession::settle(RelayStatus status, bool from_downstream) {
  const tcp::RelayDirection& moved = from_downstream ? to_upstream_ : to_downstream_;
  if (moved.bulk() && !tuned_bulk_) {
    tuned_bulk_ = true;
    tcp::prefer_unpaced_on_local_leg(downstream_.get());
    tcp::prefer_unpaced_on_local_leg(upstream_.get());
  }
  switch (status) {
    case RelayStatus::waiting:
      return true;
    case RelayStatus::blocked:
      instance_.stats->downstream_flow_control_paused_reading_total.add(from_downstream ? 1 : 0);
      if (!from_downstream && !downstream_writable_watched_) {
        downstream_writable_watched_ = true;
        instance_.worker->loop.change(downstream_source_, downstream_.get(), kReadableWritable);
      }
      return true;
    case RelayStatus::yielded:
      if (!resuming_) {
        resuming_ = true;
        instance_.worker->loop.resume_soon(*this);
      }
      return true;
    case RelayStatus::finished:
      if (!to_upstream_.finished() || !to_downstream_.finished()) return true;
      end(EndReason::finished);
      return false;
    case RelayStatus::source_failed:
      return reset_by(from_downstream);
    case RelayStatus::destination_failed:
      // What the side that refuses our bytes had sent before still belongs to the other one.
      forward_rest(from_downstream);
      return reset_by(!from_downstream);
  }
  return true;
}

void TcpProxySession::forward_rest(bool to_client) {
  const std::uint64_t up = to_upstream_.bytes();
  const std::uint64_t down = to_downstream_.bytes();
  auto& relay = instance_.worker->relay;
  if (to_client) {
    to_downstream_.pump(upstream_.get(), downstream_.get(), relay, ShortRead::ends_stream,
                        io::kBufferSize);
  } else {
    to_upstream_.pump(downstream_.get(), upstream_.get(), relay, ShortRead::ends_stream,
                      io::kBufferSize);
  }
  count_bytes(up, down);
}

bool TcpProxySession::reset_by(bool downstream) {
  static_cast<void>(set_reset_on_close(downstream ? upstream_.get() : downstream_.get()));
  end(downstream ? EndReason::downstream_reset : EndReason::upstream_reset);
  return false;
}

void TcpProxySession::on_resume() {
  resuming_ = false;
  last_activity_ = instance_.worker->loop.now();
  if (pump_upstream()) pump_downstream();
}

void TcpProxySession::tune_long_lived() {
  tuned_long_lived_ = true;
  // The downstream socket has inherited the same from its listening socket.
  static_cast<void>(
      set_keep_alive(upstream_.get(), cluster_->config().keep_alive.value_or(tcp::kKeepAlive)));
  static_cast<void>(set_user_timeout(upstream_.get(), tcp::kUserTimeout));
}

void TcpProxySession::arm_next() {
  const auto now = instance_.worker->loop.now();
  auto next =
      tuned_long_lived_ ? std::chrono::steady_clock::time_point::max() : accepted_ + kLongLived;
  if (const auto idle = instance_.config->idle_timeout; idle.count() > 0)
    next = std::min(next, last_activity_ + idle);
  if (const auto most = instance_.config->max_duration; most.count() > 0)
    next = std::min(next, accepted_ + most);
  if (next == std::chrono::steady_clock::time_point::max()) {
    timer_.disarm();
    return;
  }
  instance_.worker->loop.arm(timer_, std::chrono::ceil<std::chrono::milliseconds>(next - now));
}

void TcpProxySession::on_timer() {
  if (phase_ == Phase::connecting) {
    cluster_->stats().upstream_cx_connect_timeout.add();
    cluster_->report(*upstream_use_.host(), upstream::Outcome::timeout);
    connect_failed("connect '" + upstream_use_.host()->address.to_string() +
                       "': no answer within the connect timeout",
                   EndReason::connect_timeout);
    return;
  }
  const auto now = instance_.worker->loop.now();
  if (const auto most = instance_.config->max_duration;
      most.count() > 0 && now >= accepted_ + most) {
    instance_.stats->max_downstream_connection_duration.add();
    end(EndReason::max_duration);
    return;
  }
  if (const auto idle = instance_.config->idle_timeout;
      idle.count() > 0 && now >= last_activity_ + idle) {
    instance_.stats->idle_timeout.add();
    end(EndReason::idle_timeout);
    return;
  }
  if (!tuned_long_lived_ && now >= accepted_ + kLongLived) tune_long_lived();
  arm_next();
}

void TcpProxySession::close_sockets() {
  auto& loop = instance_.worker->loop;
  loop.forget(downstream_source_);
  loop.forget(upstream_source_);
  if (resuming_) loop.withdraw(*this);
  const int low = std::min(downstream_.get(), upstream_.get());
  const int high = std::max(downstream_.get(), upstream_.get());
  // The two are often neighbours, and then one call closes both.
  if (low >= 0 && high == low + 1 &&
      close_range(static_cast<unsigned>(low), static_cast<unsigned>(high), 0) == 0) {
    downstream_.release();
    upstream_.release();
    return;
  }
  upstream_.reset();
  downstream_.reset();
}

void TcpProxySession::tell_end(EndReason reason) {
  access_log::Record record;
  record.start = start_;
  record.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      instance_.worker->loop.now() - accepted_);
  record.connection_id = id_;
  record.bytes_received = to_upstream_.bytes() + to_upstream_.buffered();
  record.bytes_sent = to_downstream_.bytes();
  record.downstream_remote = peer_;
  record.downstream_local = destination_;
  record.listener_name = listener_->config->name;
  if (chain_ != nullptr) record.filter_chain_name = chain_->name;
  if (cluster_ != nullptr) record.upstream_cluster = cluster_->config().name;
  if (upstream_use_.host() != nullptr) record.upstream_host = upstream_use_.host()->address;
  if (rare_ != nullptr) {
    record.upstream_transport_failure_reason = rare_->transport_failure;
    if (rare_->inspection != nullptr) record.requested_server_name = rare_->inspection->server_name;
  }
  const bool logs = !instance_.access_logs.empty() || !listener_->access_logs.empty();
  if (logs && upstream_) {
    if (const auto local = local_endpoint(upstream_.get())) record.upstream_local = *local;
  }
  report_end(*instance_.worker, reason, record, listener_->access_logs, instance_.access_logs);
}

void TcpProxySession::end(EndReason reason) {
  tell_end(reason);
  unmark_for_loop_guard();
  to_upstream_.release(instance_.worker->relay);
  to_downstream_.release(instance_.worker->relay);
  if (upstream_use_.cluster() != nullptr) {
    const bool remote = reason == EndReason::finished || reason == EndReason::upstream_reset;
    auto& stats = cluster_->stats();
    (remote ? stats.upstream_cx_destroy_remote : stats.upstream_cx_destroy_local).add();
  }
  close_sockets();
  instance_.worker->connection_blocks.destroy(this);
}

}  // namespace weir::filters
