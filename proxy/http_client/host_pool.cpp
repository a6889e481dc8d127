// SPDX-License-Identifier: Apache-2.0
#include "proxy/http_client/host_pool.hpp"

#include <utility>

#include "proxy/http_client/http1_connection.hpp"
#include "proxy/http_client/http2_connection.hpp"

namespace weir::http_client {
void Waiting::leave() noexcept {
  if (pool_ != nullptr) pool_->dequeue(*this);
}

/// Keeps the pool while it is at work; takes it away afterwards when nobody needs it any more.
class HostPool::Work {
 public:
  explicit Work(HostPool& pool) noexcept : pool_(pool), outer_(std::exchange(pool.inside_, true)) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    pool_.inside_ = outer_;
    if (!outer_ && pool_.unused()) pool_.owner_.forget(pool_);
  }

 private:
  HostPool& pool_;
  const bool outer_;
};

HostPool::~HostPool() {
  inside_ = true;
  opening_ = true;  // no connection is opened in the place of another
  draining_ = true;
  while (ready_ != nullptr) ready_->close(ResetReason::local_reset, "the cluster is gone");
  while (others_ != nullptr) others_->close(ResetReason::local_reset, "the cluster is gone");
}

std::optional<ResetReason> HostPool::request(const RequestOptions& options, Waiting& waiting,
                                             ExchangeEvents& events, std::string& detail) {
  const Work work(*this);
  if (ready_ != nullptr) {
    ready_->take(events);
    return std::nullopt;
  }
  auto place = cluster().take_pending_request(options.priority);
  if (!place) {
    cluster().stats().requests.get().upstream_rq_pending_overflow.add();
    detail = "as many requests wait as may wait";
    return ResetReason::overflow;
  }
  waiting.place_ = std::move(*place);
  waiting.priority_ = options.priority;
  enqueue(waiting, events);
  if (waiting_ <= connecting_capacity_) return std::nullopt;
  const auto failed = open(options, detail);
  // Those that are busy may yet become free.
  if (!failed || connections_ > 0) return std::nullopt;
  dequeue(waiting);
  return failed;
}

std::optional<ResetReason> HostPool::open(const RequestOptions& options, std::string& detail) {
  options_ = options;
  // Without a connection nobody would ever be served, so the first one is made in any case.
  std::optional<upstream::UpstreamUse> use;
  if (connections_ == 0)
    use = upstream::UpstreamUse::take_anyway(cluster(), host_, options.priority);
  else
    use = upstream::UpstreamUse::take(cluster(), host_, options.priority);
  if (!use) {
    detail = "the cluster has as many connections as it may";
    return ResetReason::overflow;
  }
  const auto protocol = cluster().config().protocol;
  const bool http2 = protocol == config::UpstreamProtocol::http2 ||
                     (protocol == config::UpstreamProtocol::downstream && options.http2);
  ClientConnection* const connection = make_connection(http2);
  const std::uint32_t capacity = connection->capacity();
  ++connections_;
  ++connecting_;
  connecting_capacity_ += capacity;
  put(others_, *connection);
  opening_ = true;
  const bool begun = connection->connect(std::move(*use), options, detail);
  opening_ = false;
  if (begun) return std::nullopt;
  return ResetReason::connect_failed;
}

ClientConnection* HostPool::make_connection(bool http2) {
  if (http2) {
    cluster().stats().upstream_cx_http2_total.add();
    return environment().blocks.make<Http2Connection>(*this);
  }
  cluster().stats().upstream_cx_http1_total.add();
  return environment().blocks.make<Http1Connection>(*this);
}

void HostPool::put(ClientConnection*& list, ClientConnection& connection) noexcept {
  connection.next_ = list;
  connection.previous_ = nullptr;
  if (list != nullptr) list->previous_ = &connection;
  list = &connection;
}

void HostPool::take_out(ClientConnection*& list, ClientConnection& connection) noexcept {
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  (connection.previous_ != nullptr ? connection.previous_->next_ : list) = connection.next_;
}

void HostPool::opened(ClientConnection& connection) noexcept {
  --connecting_;
  connecting_capacity_ -= connection.capacity();
}

void HostPool::available(ClientConnection& connection) {
  const Work work(*this);
  take_out(others_, connection);
  put(ready_, connection);
  connection.in_ready_list_ = true;
  while (first_waiting_ != nullptr && ready_ != nullptr) {
    ExchangeEvents* const events = first_waiting_->events_;
    dequeue(*first_waiting_);
    ready_->take(*events);
  }
  // A connection that takes many was counted before anybody knew how many it takes.
  if (options_.http2 || cluster().config().protocol == config::UpstreamProtocol::http2) {
    std::string detail;
    while (waiting_ > connecting_capacity_ && !open(options_, detail)) {
    }
  }
  if (draining_) drain_connections();  // one that was opened for those who waited
}

void HostPool::unavailable(ClientConnection& connection) noexcept {
  take_out(ready_, connection);
  put(others_, connection);
  connection.in_ready_list_ = false;
}

void HostPool::connect_failed(ClientConnection& connection, ResetReason reason,
                              std::string_view detail) {
  const Work work(*this);
  opened(connection);
  // Only those that wait now: who is told may come back at once.
  for (std::uint32_t left = waiting_; left > 0 && first_waiting_ != nullptr; --left) {
    ExchangeEvents* const events = first_waiting_->events_;
    dequeue(*first_waiting_);
    events->on_reset(reason, detail);
  }
}

void HostPool::gone(ClientConnection& connection) {
  const Work work(*this);
  take_out(connection.in_ready_list_ ? ready_ : others_, connection);
  --connections_;
  // Whoever opens one hears at once that it cannot be.
  if (opening_ || waiting_ <= connecting_capacity_) return;
  // The one that they were waiting for will not come.
  std::string detail;
  if (const auto failed = open(options_, detail); failed && connections_ == 0) {
    for (std::uint32_t left = waiting_; left > 0 && first_waiting_ != nullptr; --left) {
      ExchangeEvents* const events = first_waiting_->events_;
      dequeue(*first_waiting_);
      events->on_reset(*failed, detail);
    }
  }
}

void HostPool::drain() {
  const Work work(*this);
  draining_ = true;
  drain_connections();
}

void HostPool::drain_connections() {
  const Work work(*this);
  // Each leaves the list of ready ones.
  while (ready_ != nullptr) ready_->drain();
  for (ClientConnection* at = others_; at != nullptr;) {
    ClientConnection* const next = at->next_;
    at->drain();
    at = next;
  }
}

void HostPool::enqueue(Waiting& waiting, ExchangeEvents& events) {
  waiting.pool_ = this;
  waiting.events_ = &events;
  waiting.next_ = nullptr;
  waiting.previous_ = last_waiting_;
  (last_waiting_ != nullptr ? last_waiting_->next_ : first_waiting_) = &waiting;
  last_waiting_ = &waiting;
  ++waiting_;
  auto& stats = cluster().stats().requests.get();
  stats.upstream_rq_pending_total.add();
  stats.upstream_rq_pending_active[static_cast<std::size_t>(waiting.priority_)].add();
}

void HostPool::dequeue(Waiting& waiting) noexcept {
  (waiting.previous_ != nullptr ? waiting.previous_->next_ : first_waiting_) = waiting.next_;
  (waiting.next_ != nullptr ? waiting.next_->previous_ : last_waiting_) = waiting.previous_;
  waiting.pool_ = nullptr;
  waiting.place_.reset();
  --waiting_;
  cluster()
      .stats()
      .requests.get()
      .upstream_rq_pending_active[static_cast<std::size_t>(waiting.priority_)]
      .sub();
}

}  // namespace weir::http_client
