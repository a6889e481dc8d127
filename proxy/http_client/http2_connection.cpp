// SPDX-License-Identifier: Apache-2.0
#include "proxy/http_client/http2_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::http_client {
namespace {

using http::HeaderId;
using http::HeadersKind;
using http::Http2Error;

std::uint16_t status_in(const http::HeaderMap& headers) {
  const std::string_view text = headers.get(HeaderId::status);
  if (text.size() != 3) return 0;
  return static_cast<std::uint16_t>((text[0] - '0') * 100 + (text[1] - '0') * 10 + text[2] - '0');
}

}  // namespace

// --- One exchange.

Http2Exchange::Http2Exchange(Http2Connection& connection, ExchangeEvents& events)
    : connection_(connection), events_(&events), pinned_(&events) {
  events.pin();
}

void Http2Exchange::send_headers(const http::HeaderMap& headers, bool end_of_stream) {
  request_done_ = end_of_stream;
  stream_ = connection_.session_->submit_request(headers, end_of_stream, this);
  if (stream_ < 0) connection_.refuses_ = true;
  connection_.resume_later();
}

void Http2Exchange::send_data(std::string_view data, bool end_of_stream) {
  request_done_ = end_of_stream;
  if (stream_ < 0) return;
  connection_.session_->submit_data(stream_, std::as_bytes(std::span(data)), end_of_stream);
  connection_.resume_later();
}

void Http2Exchange::send_trailers(const http::HeaderMap& trailers) {
  request_done_ = true;
  if (stream_ >= 0) connection_.session_->submit_trailers(stream_, trailers);
  connection_.resume_later();
}

/// Everything of a turn goes out together.
void Http2Exchange::flush() {
  if (stream_ >= 0 || events_ == nullptr || connection_.session_ == nullptr) return;
  // The connection takes no more streams: somebody else has to serve this.
  connection_.set_ready(false);
  connection_.finish(*this)->on_reset(ResetReason::not_sent,
                                      "the connection takes no more streams");
  connection_.forget(*this);
}

bool Http2Exchange::congested() const {
  return stream_ >= 0 && connection_.session_->queued(stream_) > Http2Connection::kStreamHighWater;
}

void Http2Exchange::pause_response(bool paused) {
  paused_ = paused;
  if (paused || unconsumed_ == 0 || stream_ < 0) return;
  connection_.session_->consume(stream_, std::exchange(unconsumed_, 0));
  connection_.resume_later();
}

void Http2Exchange::cancel() {
  if (events_ == nullptr) return;
  connection_.finish(*this);
  if (connection_.session_ == nullptr) return;  // the connection ends, and all that it has with it
  if (stream_ < 0) {
    connection_.forget(*this);
    return;
  }
  connection_.session_->reset(stream_, Http2Error::cancel);
  connection_.resume_later();
}

const upstream::Host& Http2Exchange::host() const { return connection_.peer_host(); }
std::optional<Endpoint> Http2Exchange::local_address() const { return connection_.local_end(); }

// --- The connection.

Http2Connection::Http2Connection(HostPool& pool) : ClientConnection(pool) {}

Http2Connection::~Http2Connection() = default;

void Http2Connection::destroy() { environment().blocks.destroy(this); }

std::uint32_t Http2Connection::capacity() const {
  constexpr std::uint32_t kMost = 1u << 20;
  // Before it is open nobody knows what the host will take: as much as is usual.
  const auto uses = cluster().config().http.max_requests_per_connection;
  if (session_ == nullptr) return uses != 0 ? std::min(uses, 100u) : 100;
  if (refuses_ || draining_ || !session_->may_open_stream()) return 0;
  if (uses != 0) return uses > exchanges_ ? uses - exchanges_ : 0;
  return kMost;
}

void Http2Connection::on_connected() {
  http::Http2Limits limits;
  limits.headers.max_headers = cluster().config().http.max_headers;
  limits.headers.max_bytes = 60 * 1024;
  session_.reset(new http::Http2Session(http::Http2Session::Role::client, cluster().config().http2,
                                        limits, environment().http2_memory, *this));
  if (cluster().config().http2.keepalive_interval)
    keepalive_ = std::make_unique<KeepalivePing>(environment().loop, cluster().config().http2,
                                                 static_cast<KeepalivePing::Owner&>(*this));
  arm_idle();
  resume_later();
  set_ready(true);
}

void Http2Connection::take(ExchangeEvents& events) {
  ++exchanges_;
  ++active_;
  auto* const exchange = environment().exchanges.make<Http2Exchange>(*this, events);
  exchange->reused_ = exchanges_ > 1;
  exchange->place_ = all_.size();
  all_.push_back(exchange);
  events.on_ready(*exchange);
  settle();
}

/// Whether it takes more, and whether it is over.
void Http2Connection::settle() {
  if (phase_ != Phase::open) return;
  set_ready(capacity() > 0);
  if (active_ > 0) return;
  arm_idle();
  const auto uses = cluster().config().http.max_requests_per_connection;
  if (draining_ || refuses_ || (uses != 0 && exchanges_ >= uses)) {
    if (!session_->goaway_sent()) session_->goaway();
    gather();
    static_cast<void>(write_out());
    close(ResetReason::local_reset, "");
  }
}

void Http2Connection::gather() {
  if (in_session_) return;
  auto& pool = environment().relay.buffers;
  in_session_ = true;
  while (phase_ == Phase::open) {
    std::byte local[16 * 1024];
    char* const at = out_.reserve(sizeof local, pool);
    const std::span<std::byte> space =
        at != nullptr ? std::span(reinterpret_cast<std::byte*>(at), sizeof local)
                      : std::span(local);
    const std::size_t made = session_->produce(space, environment().loop.now());
    if (at != nullptr)
      out_.commit(made);
    else
      out_.append({reinterpret_cast<const char*>(local), made}, pool);
    if (made < space.size()) break;
  }
  in_session_ = false;
}

void Http2Connection::on_turn() {
  end_batch();
  if (phase_ != Phase::open || session_ == nullptr) return;
  gather();
  static_cast<void>(write_out());
  if (session_->finished() || session_->failed()) {
    close(session_->failed() ? ResetReason::protocol_error : ResetReason::connection_terminated,
          session_->error_text());
    return;
  }
  settle();
}

void Http2Connection::on_readable() {
  auto& buffer = *environment().relay.shared;
  while (phase_ == Phase::open) {
    const ssize_t got = recv(fd(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      close(ResetReason::connection_terminated, std::strerror(errno));
      return;
    }
    if (got == 0) {
      close(ResetReason::connection_terminated, "closed");
      return;
    }
    const auto size = static_cast<std::size_t>(got);
    cluster().stats().upstream_cx_rx_bytes_total.add(size);
    in_session_ = true;
    const bool fine = session_->receive(std::span(buffer.data(), size), environment().loop.now());
    in_session_ = false;
    if (phase_ != Phase::open) return;
    if (!fine) {
      cluster().stats().upstream_cx_protocol_error.add();
      gather();
      static_cast<void>(write_out());
      const std::string text = session_->error_text();
      close(ResetReason::protocol_error, text);
      return;
    }
    if (size < buffer.size() && !peer_ended_) break;
  }
  end_batch();
  if (phase_ == Phase::open) resume_later();
}

void Http2Connection::touch(Http2Exchange& exchange) {
  if (std::exchange(exchange.touched_, true)) return;
  touched_.push_back(&exchange);
}

void Http2Connection::end_batch() {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    Http2Exchange* const exchange = touched_[i];
    if (exchange == nullptr) continue;
    exchange->touched_ = false;
    if (exchange->events_ != nullptr) exchange->events_->on_batch_end();
  }
  touched_.clear();
}

void Http2Connection::on_drained() {}

void Http2Connection::on_idle_timer() {
  const auto timeout = cluster().config().http.idle_timeout.value_or(
      std::chrono::milliseconds(std::chrono::hours(1)));
  if (timeout.count() == 0) return;
  const auto idle = environment().loop.now() - idle_since_;
  if (active_ > 0 || idle < timeout) {
    environment().loop.arm(
        timer_,
        active_ > 0 ? timeout : std::chrono::ceil<std::chrono::milliseconds>(timeout - idle));
    return;
  }
  cluster().stats().upstream_cx_idle_timeout.add();
  close(ResetReason::local_reset, "idle timeout");
}

void Http2Connection::end_exchanges(ResetReason reason, std::string_view detail) {
  // The words may be the session's own.
  const std::string words(detail);
  detail = words;
  // The session's callbacks must not find what goes now; nor may whoever hears of one exchange's
  // end, and gives another one up, ask the session.
  keepalive_.reset();
  session_.reset();
  std::vector<Http2Exchange*> all;
  all.swap(all_);
  for (Http2Exchange* const exchange : all) exchange->stream_ = -1;
  for (Http2Exchange* const exchange : all) {
    if (ExchangeEvents* const events = std::exchange(exchange->events_, nullptr)) {
      --active_;
      events->on_reset(reason, detail);
    }
  }
  touched_.clear();
  for (Http2Exchange* const exchange : all) {
    exchange->pinned_->unpin();
    environment().exchanges.destroy(exchange);
  }
}

/// Its events hear nothing any more.
ExchangeEvents* Http2Connection::finish(Http2Exchange& exchange) {
  --active_;
  return std::exchange(exchange.events_, nullptr);
}

void Http2Connection::forget(Http2Exchange& exchange) {
  if (exchange.touched_)
    std::replace(touched_.begin(), touched_.end(), &exchange, static_cast<Http2Exchange*>(nullptr));
  all_[exchange.place_] = all_.back();
  all_[exchange.place_]->place_ = exchange.place_;
  all_.pop_back();
  ExchangeEvents* const pinned = exchange.pinned_;
  environment().exchanges.destroy(&exchange);
  pinned->unpin();
}

// --- What the session says.

Http2Exchange* Http2Connection::exchange_of(std::int32_t stream) const {
  return static_cast<Http2Exchange*>(session_->user_data(stream));
}

http::HeaderMap* Http2Connection::on_begin_headers(std::int32_t stream, HeadersKind kind) {
  Http2Exchange* const exchange = exchange_of(stream);
  if (exchange == nullptr || exchange->events_ == nullptr) return nullptr;
  return kind == HeadersKind::trailers ? &exchange->events_->trailers_map()
                                       : &exchange->events_->response_map();
}

void Http2Connection::on_headers(std::int32_t stream, HeadersKind kind, bool end_of_stream) {
  Http2Exchange* const exchange = exchange_of(stream);
  if (exchange == nullptr || exchange->events_ == nullptr) return;
  touch(*exchange);
  if (kind == HeadersKind::informational) {
    exchange->events_->on_informational();
    return;
  }
  if (kind == HeadersKind::trailers) {
    finish(*exchange)->on_response_trailers();
    return;
  }
  exchange->status_ = status_in(exchange->events_->response_map());
  if (!end_of_stream) {
    exchange->events_->on_response_headers(exchange->status_, false);
    return;
  }
  if (!exchange->request_done_) session_->reset(stream, Http2Error::no_error);
  finish(*exchange)->on_response_headers(exchange->status_, true);
}

void Http2Connection::on_data(std::int32_t stream, std::span<const std::byte> data) {
  Http2Exchange* const exchange = exchange_of(stream);
  if (exchange == nullptr || exchange->events_ == nullptr) {
    session_->consume(stream, data.size());
    return;
  }
  touch(*exchange);
  exchange->events_->on_response_data({reinterpret_cast<const char*>(data.data()), data.size()},
                                      false);
  if (session_ == nullptr) return;
  // Still there: it is forgotten by on_stream_closed only.
  if (exchange->events_ != nullptr && exchange->paused_)
    exchange->unconsumed_ += data.size();
  else
    session_->consume(stream, data.size());
}

void Http2Connection::on_end_of_stream(std::int32_t stream) {
  Http2Exchange* const exchange = exchange_of(stream);
  if (exchange == nullptr || exchange->events_ == nullptr) return;
  if (!exchange->request_done_) session_->reset(stream, Http2Error::no_error);
  finish(*exchange)->on_response_data({}, true);
}

void Http2Connection::on_reset(std::int32_t stream, const http::Http2Reset& reset) {
  Http2Exchange* const exchange = exchange_of(stream);
  if (exchange == nullptr || exchange->events_ == nullptr) return;
  ResetReason reason = ResetReason::remote_reset;
  if (reset.code == Http2Error::refused_stream) reason = ResetReason::refused_stream;
  if (reset.code == Http2Error::protocol_error) reason = ResetReason::protocol_error;
  // What is too large is refused as if the host had given it up: so Envoy reports it.
  const bool too_large = reset.details == "http2.too_many_headers" ||
                         reset.details == "http2.header_list_size_too_large";
  if (!reset.by_peer && !too_large) reason = ResetReason::protocol_error;
  finish(*exchange)->on_reset(reason, reset.details);
}

void Http2Connection::on_stream_writable(std::int32_t stream) {
  Http2Exchange* const exchange = exchange_of(stream);
  if (exchange != nullptr && exchange->events_ != nullptr) exchange->events_->on_request_drained();
}

void Http2Connection::on_goaway(std::int32_t, Http2Error) {
  refuses_ = true;
  cluster().stats().upstream_cx_close_notify.add();
  set_ready(false);
  resume_later();
}

void Http2Connection::on_ping_ack(std::uint64_t) {
  if (keepalive_ != nullptr) keepalive_->on_ack();
}

void Http2Connection::send_ping() {
  session_->ping(exchanges_);
  resume_later();
}

void Http2Connection::on_ping_timeout() {
  cluster().stats().http2.get().keepalive_timeout.add();
  guarded([&] { close(ResetReason::connection_terminated, "no answer to a PING"); });
}

void Http2Connection::on_stream_closed(std::int32_t, void* owner) {
  if (owner == nullptr) return;
  auto& exchange = *static_cast<Http2Exchange*>(owner);
  exchange.stream_ = -1;
  if (ExchangeEvents* const events = exchange.events_; events != nullptr)
    finish(exchange)->on_reset(ResetReason::remote_reset, "the stream was closed");
  forget(exchange);
  resume_later();
}

}  // namespace weir::http_client
