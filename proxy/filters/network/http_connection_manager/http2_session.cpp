// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/http2_session.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/log.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"

namespace weir::filters {
namespace {

using access_log::ResponseFlag;
using http::HeaderId;
using http::HeadersKind;
using http::Http2Error;
using tcp::EndReason;

/// A client that takes nothing of our last words for so long does not get them.
constexpr std::chrono::seconds kSlowestRest{30};
constexpr io::Events kEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

}  // namespace

// --- One stream.

const SessionFacts& Http2StreamSide::facts() const { return session_.core_.facts; }

void Http2StreamSide::send_informational(std::uint16_t, http::HeaderMap& headers) {
  session_.codec_->submit_informational(id_, headers);
  session_.wake();
}

void Http2StreamSide::send_headers(std::uint16_t, http::HeaderMap& headers, bool end_of_stream) {
  response_done_ = end_of_stream;
  session_.codec_->submit_headers(id_, headers, end_of_stream);
  if (!session_.drains_ && session_.hcm_.drains(*session_.core_.listener->config))
    session_.drain(true);
  session_.wake();
}

void Http2StreamSide::send_data(std::string_view data, bool end_of_stream) {
  response_done_ = end_of_stream;
  if (head_) data = {};
  const std::size_t queued =
      session_.codec_->submit_data(id_, std::as_bytes(std::span(data)), end_of_stream);
  congested_ = queued > Http2Session::kStreamHighWater;
  session_.wake();
}

void Http2StreamSide::send_trailers(const http::HeaderMap& trailers) {
  response_done_ = true;
  session_.codec_->submit_trailers(id_, trailers);
  session_.wake();
}

void Http2StreamSide::flush() { session_.wake(); }

bool Http2StreamSide::congested() const {
  return congested_ || session_.out_.size() > Http2Session::kHighWater;
}

void Http2StreamSide::pause_request(bool paused) {
  paused_ = paused;
  if (paused || unconsumed_ == 0) return;
  session_.codec_->consume(id_, std::exchange(unconsumed_, 0));
  session_.wake();
}

void Http2StreamSide::reset(bool protocol_error) {
  // What was sent of the answer goes out first.
  session_.late_resets_.push_back(
      {id_, protocol_error ? Http2Error::protocol_error : Http2Error::internal_error, false});
  request_done_ = true;
  response_done_ = true;
  session_.wake();
}

void Http2StreamSide::on_stream_end() {
  stream_ = nullptr;
  if (response_done_ && request_done_) return;
  // A whole answer to half a request: the rest is not wanted (RFC 9113 §8.1), once it is written.
  if (response_done_)
    session_.late_resets_.push_back({id_, Http2Error::no_error, true});
  else
    session_.codec_->reset(id_, Http2Error::cancel);
  session_.wake();
}

// --- The connection.

void start_http2_session(HcmInstance& hcm, SessionCore&& core, std::string_view bytes) {
  auto* const session = hcm.worker->http2_sessions.make<Http2Session>(hcm, std::move(core));
  hcm.worker->connections.add(*session);
  session->start(bytes);
}

template <class Call>
void Http2Session::guarded(Call&& call) {
  const bool outer = inside_;
  inside_ = true;
  call();
  inside_ = outer;
  if (outer) return;
  if (closed_) hcm_.worker->http2_sessions.destroy(this);
}

Http2Session::Http2Session(HcmInstance& hcm, SessionCore&& core)
    : hcm_(hcm), core_(std::move(core)), idle_since_(hcm.worker->loop.now()) {}

Http2Session::~Http2Session() = default;

config::TrafficDirection Http2Session::direction() const {
  return core_.listener->config->direction;
}

void Http2Session::start(std::string_view bytes) {
  guarded([&] {
    auto& stats = *hcm_.stats;
    stats.downstream_cx_http2_total.add();
    stats.downstream_cx_http2_active.add();
    static_cast<void>(hcm_.http2_stats->get());
    http::Http2Limits limits;
    limits.headers.max_headers = hcm_.config->common.max_headers;
    limits.headers.max_bytes = hcm_.config->max_request_headers_kb * 1024u;
    limits.headers.underscores = hcm_.config->common.underscores;
    codec_.reset(new http::Http2Session(http::Http2Session::Role::server, hcm_.config->http2,
                                        limits, hcm_.worker->http2_memory, *this));
    auto source = hcm_.worker->loop.watch(core_.socket.get(), kEvents, *this, 0);
    if (!source) {
      close(EndReason::connect_failed);
      return;
    }
    source_ = *source;
    arm_timer();
    if (hcm_.config->http2.keepalive_interval)
      keepalive_ = std::make_unique<http_client::KeepalivePing>(
          hcm_.worker->loop, hcm_.config->http2,
          static_cast<http_client::KeepalivePing::Owner&>(*this));
    // The bytes are in the worker's read buffer, which nobody touches meanwhile.
    if (feed(bytes)) end_batch();
    if (hcm_.drain_round != 0) drain(true);  // told while it was not known to be HTTP/2
    wake();
  });
}

void Http2Session::end(EndReason reason) {
  guarded([&] { close(reason); });
}

void Http2Session::wake() {
  if (!closed_ && !std::exchange(resuming_, true)) hcm_.worker->loop.resume_soon(*this);
}

void Http2Session::on_events(io::Events events, std::uint32_t) {
  guarded([&] {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hangs_up_ = true;
    if ((events & EPOLLOUT) != 0 && !out_.empty()) write();
    if (closed_) return;
    if ((events & ~io::Events{EPOLLOUT}) != 0) read();
  });
}

void Http2Session::read() {
  if (lingering_) {
    linger_read();
    return;
  }
  auto& buffer = *hcm_.worker->relay.shared;
  while (!closed_ && !wants_close_) {
    const ssize_t got = recv(core_.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      close(EndReason::downstream_reset);
      return;
    }
    if (got == 0) {
      close(EndReason::finished);
      return;
    }
    const auto size = static_cast<std::size_t>(got);
    if (!feed({reinterpret_cast<const char*>(buffer.data()), size})) break;
    end_batch();
    if (size < buffer.size() && !hangs_up_) break;
  }
  wake();
}

bool Http2Session::feed(std::string_view bytes) {
  received_ += bytes.size();
  hcm_.stats->downstream_cx_rx_bytes_total.add(bytes.size());
  in_codec_ = true;
  const bool fine = codec_->receive(std::as_bytes(std::span(bytes)), hcm_.worker->loop.now());
  in_codec_ = false;
  if (closed_) return false;
  if (!fine) protocol_error();
  return fine;
}

void Http2Session::protocol_error() {
  hcm_.stats->downstream_cx_protocol_error.add();
  if (codec_->details() == "http2.too_many_premature_resets")
    hcm_.stats->downstream_rq_too_many_premature_resets.add();
  log::info(log::Component::connection, "[C{}] {}: {}", core_.facts.id,
            core_.facts.peer.to_string(), codec_->error_text());
  for (std::size_t i = 0; i < sides_.size(); ++i)
    lose(*sides_[i], codec_->details(), ResponseFlag::downstream_protocol_error);
  wants_close_ = true;
  since_ = hcm_.worker->loop.now();
  arm_timer();
}

/// The side's stream ends without its answer; it is told, if it has not ended before.
void Http2Session::lose(Http2StreamSide& side, std::string_view details, ResponseFlag flag) {
  Stream* const stream = std::exchange(side.stream_, nullptr);
  if (stream == nullptr) return;
  stream->begin_unread();
  stream->on_client_gone(details, flag);
}

/// Resets the streams of which everything is written that is to be. @return whether there was one
bool Http2Session::send_late_resets() {
  const std::size_t before = late_resets_.size();
  std::erase_if(late_resets_, [&](const LateReset& late) {
    if (late.when_empty && side_of(late.stream) != nullptr && codec_->queued(late.stream) > 0)
      return false;
    codec_->reset(late.stream, late.code);
    return true;
  });
  return late_resets_.size() != before;
}

void Http2Session::touch(Http2StreamSide& side) {
  if (!std::exchange(side.touched_, true)) touched_.push_back(&side);
}

void Http2Session::end_batch() {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    Http2StreamSide* const side = touched_[i];
    if (side == nullptr) continue;
    side->touched_ = false;
    if (side->stream_ != nullptr) side->stream_->on_request_batch_end();
  }
  touched_.clear();
}

void Http2Session::gather() {
  auto& pool = hcm_.worker->relay.buffers;
  in_codec_ = true;
  while (!closed_) {
    std::byte local[16 * 1024];
    char* const at = out_.reserve(sizeof local, pool);
    const std::span<std::byte> space =
        at != nullptr ? std::span(reinterpret_cast<std::byte*>(at), sizeof local)
                      : std::span(local);
    const std::size_t made = codec_->produce(space, hcm_.worker->loop.now());
    if (at != nullptr)
      out_.commit(made);
    else
      out_.append({reinterpret_cast<const char*>(local), made}, pool);
    if (made < space.size()) break;
  }
  in_codec_ = false;
}

void Http2Session::write() {
  if (closed_) return;
  const std::size_t before = out_.size();
  const auto status = out_.flush(core_.socket.get(), hcm_.worker->relay.buffers);
  sent_ += before - out_.size();
  hcm_.stats->downstream_cx_tx_bytes_total.add(before - out_.size());
  if (status == io::OutQueue::Status::failed) {
    close(EndReason::downstream_reset);
    return;
  }
  if (before > kHighWater && out_.size() <= kHighWater)
    for (std::size_t i = 0; i < sides_.size(); ++i)
      if (sides_[i]->stream_ != nullptr) sides_[i]->stream_->on_response_drained();
}

void Http2Session::on_resume() {
  resuming_ = false;
  guarded([&] {
    if (closed_ || lingering_) return;
    end_batch();
    gather();
    if (!closed_ && !late_resets_.empty() && send_late_resets()) gather();
    write();
    if (closed_) return;
    if (!wants_close_ && codec_->failed()) protocol_error();
    if ((wants_close_ || codec_->finished()) && out_.empty()) linger();
  });
}

/// A client that still sends would lose our last words to the reset that close(2) causes: it gets
/// the time to read them.
void Http2Session::linger() {
  if (hcm_.config->delayed_close_timeout.count() <= 0) {
    close(EndReason::finished);
    return;
  }
  lingering_ = wants_close_ = true;
  since_ = hcm_.worker->loop.now();
  shutdown(core_.socket.get(), SHUT_WR);
  arm_timer();
  linger_read();
}

void Http2Session::linger_read() {
  auto& buffer = *hcm_.worker->relay.shared;
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = recv(core_.socket.get(), buffer.data(), buffer.size(), 0);
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    close(EndReason::finished);
    return;
  }
}

/// Runs out with what comes first: idle time, the longest duration, the step after a notice.
void Http2Session::arm_timer() {
  using std::chrono::milliseconds;
  const auto now = hcm_.worker->loop.now();
  const auto idle = hcm_.config->common.idle_timeout.value_or(std::chrono::hours(1));
  const auto longest = hcm_.config->common.max_connection_duration;
  auto next = std::chrono::steady_clock::time_point::max();
  if (lingering_)
    next = since_ + hcm_.config->delayed_close_timeout;
  else if (wants_close_)
    next = since_ + kSlowestRest;
  else if (notice_sent_)
    next = since_ + hcm_.config->drain_timeout;
  else if (longest.count() > 0 && !drains_)
    next = core_.accepted + longest;
  if (idle.count() > 0 && !notice_sent_)
    next = std::min(next, (sides_.empty() ? idle_since_ : now) + idle);
  timer_.disarm();
  if (next == std::chrono::steady_clock::time_point::max()) return;
  hcm_.worker->loop.arm(timer_,
                        std::max(std::chrono::ceil<milliseconds>(next - now), milliseconds(1)));
}

void Http2Session::drain(bool idle_too) {
  if (closed_ || wants_close_ || drains_ || (!idle_too && sides_.empty())) return;
  hcm_.stats->downstream_cx_drain_close.add();
  send_notice();
}

/// What is on its way is still served; GOAWAY with the last stream comes after drain_timeout.
void Http2Session::send_notice() {
  drains_ = notice_sent_ = true;
  since_ = hcm_.worker->loop.now();
  codec_->shutdown_notice();
  arm_timer();
  wake();
}

void Http2Session::on_timer() {
  guarded([&] {
    const auto idle = hcm_.config->common.idle_timeout.value_or(std::chrono::hours(1));
    const auto longest = hcm_.config->common.max_connection_duration;
    const auto now = hcm_.worker->loop.now();
    if (lingering_) {
      hcm_.stats->downstream_cx_delayed_close_timeout.add();
      close(EndReason::finished);
      return;
    }
    if (wants_close_) {
      close(EndReason::idle_timeout);
      return;
    }
    // A request that is on its way already is served: first the notice, then GOAWAY.
    if (idle.count() > 0 && !notice_sent_ && sides_.empty() && now >= idle_since_ + idle) {
      hcm_.stats->downstream_cx_idle_timeout.add();
      if (drains_)
        close(EndReason::idle_timeout);
      else
        drain(true);
      return;
    }
    if (notice_sent_ && now >= since_ + hcm_.config->drain_timeout) {
      notice_sent_ = false;
      codec_->goaway();
      wake();
    } else if (longest.count() > 0 && !drains_ && now >= core_.accepted + longest) {
      hcm_.stats->downstream_cx_max_duration_reached.add();
      drain(true);
    }
    arm_timer();
  });
}

void Http2Session::close(EndReason reason) {
  if (closed_) return;
  closed_ = true;
  hcm_.worker->loop.forget(source_);
  timer_.disarm();
  keepalive_.reset();
  if (std::exchange(resuming_, false)) hcm_.worker->loop.withdraw(*this);
  auto& stats = *hcm_.stats;
  stats.downstream_cx_http2_active.sub();
  if (!sides_.empty()) {
    stats.downstream_cx_destroy_active_rq.add();
    (is_remote(reason) ? stats.downstream_cx_destroy_remote_active_rq
                       : stats.downstream_cx_destroy_local_active_rq)
        .add();
  }
  std::vector<Http2StreamSide*> sides;
  sides.swap(sides_);
  touched_.clear();
  for (Http2StreamSide* const side : sides)
    lose(*side, "downstream_remote_disconnect", ResponseFlag::downstream_connection_termination);
  codec_.reset();
  for (Http2StreamSide* const side : sides) {
    Stream* const pinned = side->pinned_;
    hcm_.worker->http2_sides.destroy(side);
    pinned->unpin();
  }
  out_.release(hcm_.worker->relay.buffers);
  core_.report(hcm_, reason, received_, sent_);
  core_.socket.reset();
}

// --- What the codec says.

Http2StreamSide* Http2Session::side_of(std::int32_t stream) const {
  return static_cast<Http2StreamSide*>(codec_->user_data(stream));
}

http::HeaderMap* Http2Session::on_begin_headers(std::int32_t id, HeadersKind kind) {
  if (kind == HeadersKind::trailers) {
    Http2StreamSide* const side = side_of(id);
    if (side == nullptr || side->stream_ == nullptr) return nullptr;
    return &side->stream_->request_trailers_map();
  }
  if (wants_close_) return nullptr;
  auto* const side = hcm_.worker->http2_sides.make<Http2StreamSide>(*this, id);
  Stream* const stream = hcm_.worker->streams.make<Stream>(hcm_, *side);
  stream->set_protocol("HTTP/2");
  stream->pin();
  side->stream_ = side->pinned_ = stream;
  side->place_ = sides_.size();
  sides_.push_back(side);
  codec_->set_user_data(id, side);
  const auto most = hcm_.config->common.max_requests_per_connection;
  if (++requests_ >= most && most != 0 && !drains_) {
    hcm_.stats->downstream_cx_max_requests_reached.add();
    send_notice();
  }
  return &stream->request_map();
}

void Http2Session::on_headers(std::int32_t id, HeadersKind kind, bool end_of_stream) {
  Http2StreamSide* const side = side_of(id);
  if (side == nullptr || side->stream_ == nullptr) return;
  touch(*side);
  if (kind == HeadersKind::trailers) {
    side->request_done_ = true;
    side->stream_->on_request_trailers();
    return;
  }
  side->head_ = side->stream_->request_map().get(HeaderId::method) == "HEAD";
  side->request_done_ = end_of_stream;
  side->stream_->on_request_headers(end_of_stream);
}

void Http2Session::on_data(std::int32_t id, std::span<const std::byte> data) {
  Http2StreamSide* const side = side_of(id);
  if (side == nullptr || side->stream_ == nullptr) {
    codec_->consume(id, data.size());
    return;
  }
  touch(*side);
  side->stream_->on_request_data({reinterpret_cast<const char*>(data.data()), data.size()}, false);
  if (closed_) return;
  if (side->stream_ != nullptr && side->paused_)
    side->unconsumed_ += data.size();
  else
    codec_->consume(id, data.size());
}

void Http2Session::on_end_of_stream(std::int32_t id) {
  Http2StreamSide* const side = side_of(id);
  if (side == nullptr) return;
  side->request_done_ = true;
  if (side->stream_ == nullptr) return;
  touch(*side);
  side->stream_->on_request_data({}, true);
}

void Http2Session::on_reset(std::int32_t id, const http::Http2Reset& reset) {
  Http2StreamSide* const side = side_of(id);
  if (side == nullptr) return;
  side->request_done_ = side->response_done_ = true;
  auto& stats = hcm_.http2_stats->get();
  if (reset.by_peer)
    stats.rx_reset.add();
  else
    stats.rx_messaging_error.add();
  // What a limit or a rule of ours refuses is refused by a reset, which Envoy counts as one of the
  // client's.
  const bool refused = reset.details == "http2.too_many_headers" ||
                       reset.details == "http2.header_list_size_too_large" ||
                       reset.details == "http2.unexpected_underscore";
  lose(*side, reset.details,
       reset.by_peer || refused ? ResponseFlag::downstream_remote_reset
                                : ResponseFlag::downstream_protocol_error);
}

void Http2Session::on_stream_writable(std::int32_t id) {
  Http2StreamSide* const side = side_of(id);
  if (side == nullptr) return;
  side->congested_ = false;
  if (side->stream_ != nullptr) side->stream_->on_response_drained();
}

void Http2Session::on_goaway(std::int32_t, Http2Error) { drains_ = true; }

void Http2Session::on_ping_ack(std::uint64_t) {
  if (keepalive_ != nullptr) keepalive_->on_ack();
}

void Http2Session::send_ping() {
  codec_->ping(requests_);
  wake();
}

void Http2Session::on_ping_timeout() {
  hcm_.http2_stats->get().keepalive_timeout.add();
  guarded([&] { close(EndReason::idle_timeout); });
}

void Http2Session::on_stream_closed(std::int32_t, void* owner) {
  if (owner == nullptr) return;
  auto& side = *static_cast<Http2StreamSide*>(owner);
  lose(side, "http2.remote_reset", ResponseFlag::downstream_remote_reset);
  forget(side);
}

void Http2Session::forget(Http2StreamSide& side) {
  if (side.touched_)
    std::replace(touched_.begin(), touched_.end(), &side, static_cast<Http2StreamSide*>(nullptr));
  sides_[side.place_] = sides_.back();
  sides_[side.place_]->place_ = side.place_;
  sides_.pop_back();
  if (sides_.empty()) idle_since_ = hcm_.worker->loop.now();
  Stream* const pinned = side.pinned_;
  hcm_.worker->http2_sides.destroy(&side);
  pinned->unpin();
}

}  // namespace weir::filters
