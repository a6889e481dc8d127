// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/http1_session.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/socket_options.hpp"
#include "proxy/filters/network/http_connection_manager/stream.hpp"
#include "proxy/http/http1/head_writer.hpp"

namespace weir::filters {
namespace {

using access_log::ResponseFlag;
using http::BodyFraming;
using http::HeaderId;
using tcp::EndReason;

constexpr io::Events kReadable = EPOLLIN | EPOLLRDHUP | EPOLLET;
/// A client that takes nothing of the last response for so long does not get the rest.
constexpr std::chrono::seconds kSlowestRest{30};

}  // namespace

template <class Call>
void Http1Session::guarded(Call&& call) {
  const bool outer = inside_;
  inside_ = true;
  call();
  inside_ = outer;
  if (outer) return;
  if (wants_close_ && out_.empty() && phase_ == Phase::open) close(end_reason_);
  if (phase_ == Phase::closed) hcm_.worker->sessions.destroy(this);
}

Http1Session::Http1Session(HcmInstance& hcm, tcp::DownstreamConnection&& connection)
    : hcm_(hcm), core_(std::move(connection)) {
  since_ = core_.accepted;
}

bool Http1Session::start() {
  auto& stats = *hcm_.stats;
  stats.downstream_cx_total.add();
  stats.downstream_cx_active.add();
  stats.downstream_cx_http1_active.add();
  auto source = hcm_.worker->loop.watch(core_.socket.get(), kReadable, *this, 0);
  if (!source) {
    guarded([&] { close(EndReason::connect_failed); });
    return false;
  }
  source_ = *source;
  const auto headers = hcm_.config->request_headers_timeout;
  const auto idle = hcm_.config->common.idle_timeout.value_or(std::chrono::hours(1));
  arm(headers.count() > 0 && (idle.count() == 0 || headers < idle) ? headers : idle);
  return true;
}

/// Not later than the connection may last.
void Http1Session::arm(std::chrono::milliseconds delay) {
  if (timer_.armed()) return;
  const auto longest = hcm_.config->common.max_connection_duration;
  if (longest.count() > 0 && !closes_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(core_.accepted + longest -
                                                                   hcm_.worker->loop.now());
    if (delay.count() == 0 || left < delay) delay = std::max(left, std::chrono::milliseconds(1));
  }
  if (delay.count() > 0) hcm_.worker->loop.arm(timer_, delay);
}

void Http1Session::rearm(std::chrono::milliseconds delay) {
  timer_.disarm();
  arm(delay);
}

/// What is under way tells the client with its response.
void Http1Session::drain(bool idle_too) {
  if (!idle_too || stream_ != nullptr || phase_ != Phase::open || wants_close_) return;
  begin_drain();
}

/// It is idle: a request that comes within drain_timeout is still answered.
void Http1Session::begin_drain() {
  drains_ = true;
  since_ = hcm_.worker->loop.now();
  rearm(std::max(hcm_.config->drain_timeout, std::chrono::milliseconds(1)));
}

config::TrafficDirection Http1Session::direction() const {
  return core_.listener->config->direction;
}

void Http1Session::end(EndReason reason) {
  guarded([&] { close(reason); });
}

// --- Events.

void Http1Session::on_events(io::Events events, std::uint32_t) {
  guarded([&] {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_hangs_up_ = true;
    if ((events & EPOLLOUT) != 0 && writable_watched_) {
      flush();
      if (phase_ == Phase::open && out_.empty() && stream_ != nullptr)
        stream_->on_response_drained();
    } else if ((events & EPOLLOUT) != 0 && response_elsewhere_ && stream_ != nullptr) {
      stream_->on_response_drained();
    }
    if (phase_ == Phase::closed) return;
    if ((events & (EPOLLERR | EPOLLHUP)) == (EPOLLERR | EPOLLHUP)) {
      client_reset();
      return;
    }
    if ((events & ~io::Events{EPOLLOUT}) == 0) return;
    if (phase_ == Phase::lingering)
      linger_read();
    else
      read();
  });
}

void Http1Session::read() {
  auto& buffer = *hcm_.worker->relay.shared;
  while (phase_ == Phase::open && !wants_close_) {
    if (request_elsewhere_) {
      if (stream_ != nullptr) stream_->on_body_readable();
      return;
    }
    // A request in hand, and another one behind it: that one waits in the kernel.
    if (paused_ || (request_done_ && !held_.empty() && !tunnel_)) {
      unread_ = true;
      break;
    }
    const ssize_t got = recv(core_.socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      client_reset();
      return;
    }
    if (got == 0) {
      client_ended();
      return;
    }
    const auto size = static_cast<std::size_t>(got);
    received_ += size;
    hcm_.stats->downstream_cx_rx_bytes_total.add(size);
    process({reinterpret_cast<const char*>(buffer.data()), size});
    // A short read has emptied the queue, unless the end follows it.
    if (size < buffer.size() && !peer_hangs_up_) break;
  }
  if (stream_ != nullptr) stream_->on_request_batch_end();
}

void Http1Session::process(std::string_view bytes) {
  if (held_.empty()) {
    const std::size_t used = consume(bytes);
    if (phase_ == Phase::open && used < bytes.size()) held_.assign(bytes.substr(used));
    return;
  }
  std::string all = std::move(held_);
  held_.clear();
  all += bytes;
  const std::size_t used = consume(all);
  if (phase_ != Phase::open) return;
  if (used == 0) {
    held_ = std::move(all);
  } else if (used < all.size()) {
    held_.assign(all, used);
  }
}

void Http1Session::client_ended() {
  peer_ended_ = true;
  if (stream_ == nullptr) {
    close(EndReason::finished);
    return;
  }
  if (framing_ == BodyFraming::tunnel && tunnel_) {
    request_done_ = true;
    stream_->on_request_data({}, true);
    if (stream_ != nullptr) stream_->on_request_batch_end();
    return;
  }
  // A whole request has come: the client may still want its answer.
  if (request_done_) {
    closes_ = true;
    return;
  }
  close(EndReason::finished);
}

void Http1Session::client_reset() { close(EndReason::downstream_reset); }

// --- The response.

void Http1Session::append_head(std::uint16_t status, const http::HeaderMap& headers,
                               std::string_view extra) {
  auto& pool = hcm_.worker->relay.buffers;
  const std::size_t size = http::head_size(headers) + extra.size();
  const auto casing = hcm_.config->http1.header_case;
  if (char* const at = out_.reserve(size, pool); at != nullptr) {
    char* const end = http::write_response_head(at, headers, status, casing, minor_version_, extra);
    out_.commit(static_cast<std::size_t>(end - at));
    return;
  }
  std::string text(size, '\0');
  char* const end =
      http::write_response_head(text.data(), headers, status, casing, minor_version_, extra);
  out_.append({text.data(), static_cast<std::size_t>(end - text.data())}, pool);
}

void Http1Session::send_informational(std::uint16_t status, http::HeaderMap& headers) {
  if (minor_version_ == 0 || phase_ != Phase::open) return;
  append_head(status, headers, {});
  flush();
}

void Http1Session::send_headers(std::uint16_t status, http::HeaderMap& headers,
                                bool end_of_stream) {
  if (phase_ != Phase::open) return;
  const bool switching = status == 101 && framing_ == BodyFraming::tunnel;
  if (!closes_ && hcm_.drains(*core_.listener->config)) {
    closes_ = true;
    hcm_.stats->downstream_cx_drain_close.add();
  }
  tunnel_ = switching;
  const bool bodiless = status < 200 || status == 204 || status == 304;
  const bool counted = headers.has(HeaderId::content_length);
  std::string_view framing = "";  // never null, as memcpy wants it
  response_chunked_ = false;
  if (!counted && !bodiless) {
    if (minor_version_ == 0) closes_ = true;
    if (end_of_stream && !head_)
      framing = "content-length: 0\r\n";
    else if (minor_version_ != 0)
      framing = "transfer-encoding: chunked\r\n";
    response_chunked_ = !end_of_stream && minor_version_ == 1;
  }
  if (minor_version_ == 0 && bodiless) closes_ = true;
  std::string_view connection = "";
  if (!switching && closes_)
    connection = "connection: close\r\n";
  else if (keep_alive_10_)
    connection = "connection: keep-alive\r\n";
  char extra[64];
  std::memcpy(extra, connection.data(), connection.size());
  std::memcpy(extra + connection.size(), framing.data(), framing.size());
  append_head(status, headers, {extra, connection.size() + framing.size()});
  if (end_of_stream) response_ended();
}

void Http1Session::send_data(std::string_view data, bool end_of_stream) {
  if (phase_ != Phase::open) return;
  guarded([&] {
    append_data(head_ ? std::string_view{} : data, end_of_stream);
    if (end_of_stream && phase_ == Phase::open) response_ended();
  });
}

void Http1Session::append_data(std::string_view data, bool end_of_stream) {
  auto& pool = hcm_.worker->relay.buffers;
  if (response_chunked_ && !data.empty()) {
    char size[20];
    char* const end = http::write_chunk_size(size, data.size());
    out_.append({size, static_cast<std::size_t>(end - size)}, pool);
  }
  constexpr std::size_t kWorthNoCopy = 8 * 1024;
  if (data.size() >= kWorthNoCopy && !congested()) {
    const std::size_t before = out_.size() + data.size();
    const auto status = out_.flush(core_.socket.get(), pool, data);
    sent_ += before - out_.size();
    hcm_.stats->downstream_cx_tx_bytes_total.add(before - out_.size());
    if (status == io::OutQueue::Status::failed) client_reset();
    if (status == io::OutQueue::Status::blocked) flush();
    if (phase_ != Phase::open) return;
  } else {
    out_.append(data, pool);
  }
  if (!response_chunked_) return;
  if (!data.empty()) out_.append("\r\n", pool);
  if (end_of_stream) out_.append("0\r\n\r\n", pool);
}

void Http1Session::send_trailers(const http::HeaderMap& trailers) {
  if (phase_ != Phase::open) return;
  if (response_chunked_) {
    std::string text;
    http::append_last_chunk(text, hcm_.config->http1.enable_trailers ? &trailers : nullptr);
    out_.append(text, hcm_.worker->relay.buffers);
  }
  response_ended();
}

void Http1Session::response_ended() {
  response_done_ = true;
  flush();
}

void Http1Session::flush() {
  if (out_.empty() || phase_ == Phase::closed) return;
  guarded([&] {
    const std::size_t before = out_.size();
    const auto status = out_.flush(core_.socket.get(), hcm_.worker->relay.buffers);
    if (wants_close_ && out_.size() < before) since_ = hcm_.worker->loop.now();
    sent_ += before - out_.size();
    hcm_.stats->downstream_cx_tx_bytes_total.add(before - out_.size());
    if (status == io::OutQueue::Status::failed) {
      client_reset();
      return;
    }
    if (status == io::OutQueue::Status::blocked && !writable_watched_) {
      writable_watched_ = true;
      hcm_.worker->loop.change(source_, core_.socket.get(), kReadable | EPOLLOUT);
    }
  });
}

void Http1Session::pause_request(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  if (paused || (!unread_ && held_.empty())) return;
  if (!std::exchange(resuming_, true)) hcm_.worker->loop.resume_soon(*this);
}

void Http1Session::reset(bool) {
  // Half a response: only the end of the connection tells the client. It comes with the stream's.
  response_done_ = false;
  closes_ = true;
}

void Http1Session::close_when_written() {
  wants_close_ = true;
  closes_ = true;
  if (out_.empty()) return;
  since_ = hcm_.worker->loop.now();
  rearm(kSlowestRest);
}

void Http1Session::on_stream_end() {
  guarded([&] {
    stream_ = nullptr;
    chunks_.reset();
    if (phase_ == Phase::closed) return;
    if (!response_done_ || closes_ || peer_ended_ || !request_done_) {
      close_when_written();
      if (!response_done_) flush();  // as far as it came
      return;
    }
    next_request();
  });
}

void Http1Session::next_request() {
  request_done_ = false;
  framing_ = BodyFraming::none;
  paused_ = false;
  since_ = hcm_.worker->loop.now();
  const auto idle = hcm_.config->common.idle_timeout.value_or(std::chrono::hours(1));
  arm(idle);
  if (held_.capacity() > 256 && held_.empty()) held_ = std::string();
  if (held_.empty() && !unread_) return;
  if (!std::exchange(resuming_, true)) hcm_.worker->loop.resume_soon(*this);
}

void Http1Session::on_resume() {
  resuming_ = false;
  guarded([&] {
    if (phase_ != Phase::open) return;
    if (!held_.empty()) {
      process({});
      if (stream_ != nullptr) stream_->on_request_batch_end();
    }
    if (phase_ == Phase::open && std::exchange(unread_, false)) read();
  });
}

// --- Time, and the end.

/// It was idle, or there, for too long. A request that is on its way already is still answered.
void Http1Session::drain_late(EndReason reason) {
  closes_ = true;
  if (stream_ != nullptr || head_begun()) return;
  if (first_bytes_) {
    close(reason);
    return;
  }
  late_ = true;
  end_reason_ = reason;
  begin_drain();
}

void Http1Session::on_timer() {
  guarded([&] {
    if (phase_ == Phase::lingering) {
      hcm_.stats->downstream_cx_delayed_close_timeout.add();
      close(end_reason_);
      return;
    }
    const auto now = hcm_.worker->loop.now();
    const HcmConfig& config = *hcm_.config;
    const auto idle = config.common.idle_timeout.value_or(std::chrono::hours(1));
    const auto rest_of = [&](std::chrono::milliseconds timeout) {
      return std::chrono::ceil<std::chrono::milliseconds>(since_ + timeout - now);
    };
    if (wants_close_) {
      if (rest_of(kSlowestRest).count() <= 0)
        close(EndReason::idle_timeout);
      else
        arm(rest_of(kSlowestRest));
      return;
    }
    if (config.common.max_connection_duration.count() > 0 && !closes_ &&
        now >= core_.accepted + config.common.max_connection_duration) {
      hcm_.stats->downstream_cx_max_duration_reached.add();
      drain_late(EndReason::max_duration);
      if (phase_ != Phase::open) return;
    }
    if (stream_ != nullptr) {
      arm(idle.count() > 0 ? idle : std::chrono::milliseconds(std::chrono::hours(1)));
      return;
    }
    if (head_begun()) {
      check_head();
      return;
    }
    if (drains_ && rest_of(config.drain_timeout).count() <= 0) {
      if (!late_) hcm_.stats->downstream_cx_drain_close.add();
      close(late_ ? end_reason_ : EndReason::drained);
      return;
    }
    if (!drains_ && idle.count() > 0 && rest_of(idle).count() <= 0) {
      hcm_.stats->downstream_cx_idle_timeout.add();
      drain_late(EndReason::idle_timeout);
      if (phase_ != Phase::open) return;
    }
    arm(drains_ ? rest_of(config.drain_timeout) : idle.count() > 0 ? rest_of(idle) : idle);
  });
}

void Http1Session::linger_read() {
  auto& buffer = *hcm_.worker->relay.shared;
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = recv(core_.socket.get(), buffer.data(), buffer.size(), 0);
    if (got > 0 || (got < 0 && errno == EINTR)) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    close(end_reason_);
    return;
  }
}

void Http1Session::close(EndReason reason) {
  if (phase_ == Phase::closed) return;
  // A client that still sends would lose our answer to the reset that close(2) causes: it gets the
  // time to read it.
  const bool linger = phase_ == Phase::open && wants_close_ && !request_done_ && !peer_ended_ &&
                      stream_ == nullptr && hcm_.config->delayed_close_timeout.count() > 0;
  if (linger) {
    phase_ = Phase::lingering;
    end_reason_ = reason;
    shutdown(core_.socket.get(), SHUT_WR);
    timer_.disarm();
    arm(hcm_.config->delayed_close_timeout);
    linger_read();
    return;
  }
  phase_ = Phase::closed;
  hcm_.worker->loop.forget(source_);
  timer_.disarm();
  if (std::exchange(resuming_, false)) hcm_.worker->loop.withdraw(*this);
  auto& stats = *hcm_.stats;
  if (Stream* const stream = std::exchange(stream_, nullptr); stream != nullptr) {
    stats.downstream_cx_destroy_active_rq.add();
    (is_remote(reason) ? stats.downstream_cx_destroy_remote_active_rq
                       : stats.downstream_cx_destroy_local_active_rq)
        .add();
    stream->on_client_gone("downstream_remote_disconnect",
                           ResponseFlag::downstream_connection_termination);
  }
  if (stream_ == nullptr && (begun_ || tried_ > 0) && is_remote(reason)) {
    // Half a request: nothing was understood of it, but it was there.
    Stream* const stream =
        hcm_.worker->streams.make<Stream>(hcm_, static_cast<StreamConnection&>(*this));
    stream->begin_unread();
    stream->on_client_gone("downstream_remote_disconnect",
                           ResponseFlag::downstream_connection_termination);
  }
  out_.release(hcm_.worker->relay.buffers);
  stats.downstream_cx_http1_active.sub();
  core_.report(hcm_, reason, received_, sent_);
  core_.socket.reset();
}

// --- Bodies that are moved around this object.

int Http1Session::socket_for_body() const {
  return phase_ == Phase::open && out_.empty() ? core_.socket.get() : -1;
}

std::uint64_t Http1Session::request_body_left() const {
  return framing_ == BodyFraming::length && !request_done_ ? left_ : 0;
}

void Http1Session::request_was_read(std::uint64_t bytes) {
  left_ -= std::min(left_, bytes);
  received_ += bytes;
  hcm_.stats->downstream_cx_rx_bytes_total.add(bytes);
  request_elsewhere_ = false;
  request_done_ = left_ == 0;
  unread_ = true;  // what follows the body may have come already
}

bool Http1Session::response_is_plain() const {
  return !response_chunked_ && !head_ && !tunnel_ && out_.empty();
}

void Http1Session::take_over_response() {
  response_elsewhere_ = true;
  if (writable_watched_) return;
  writable_watched_ = true;
  hcm_.worker->loop.change(source_, core_.socket.get(), kReadable | EPOLLOUT);
}

void Http1Session::response_was_written(std::uint64_t bytes, bool end_of_stream) {
  sent_ += bytes;
  hcm_.stats->downstream_cx_tx_bytes_total.add(bytes);
  if (!end_of_stream) return;
  response_done_ = true;
  response_elsewhere_ = false;
}

}  // namespace weir::filters
