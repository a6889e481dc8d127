// SPDX-License-Identifier: Apache-2.0
#include "proxy/http_client/http1_connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "proxy/http/http1/head_writer.hpp"

namespace weir::http_client {
namespace {

using http::BodyFraming;
using http::HeaderId;
using http::HeadStatus;
using http::Http1Error;

enum Method : std::uint8_t { kOther, kHead, kConnect };

/// Requests of these methods have no body unless they say so; all others without one say that it is
/// empty (RFC 9110 §8.6).
bool says_nothing_of_no_body(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "DELETE" || method == "TRACE" ||
         method == "CONNECT";
}

}  // namespace

std::string_view Http1Connection::method_text() const {
  return method_ == kHead ? "HEAD" : method_ == kConnect ? "CONNECT" : "GET";
}

void Http1Connection::destroy() { environment().blocks.destroy(this); }

void Http1Connection::on_connected() {
  arm_idle();
  set_ready(true);
}

void Http1Connection::take(ExchangeEvents& events) {
  set_ready(false);
  ++exchanges_;
  events_ = &events;
  receiving_ = Receiving::head;
  request_done_ = false;
  request_chunked_ = false;
  begun_ = false;
  upgrade_ = false;
  paused_ = false;
  response_elsewhere_ = request_elsewhere_ = false;
  events.on_ready(*this);
}

void Http1Connection::append_head(const http::HeaderMap& headers, std::string_view extra) {
  const auto& options = cluster().config().http1;
  const std::size_t size = http::head_size(headers) + extra.size();
  auto& pool = environment().relay.buffers;
  if (char* const at = out_.reserve(size, pool); at != nullptr) {
    char* const end = http::write_request_head(at, headers, options.header_case,
                                               options.send_fully_qualified_url, extra);
    out_.commit(static_cast<std::size_t>(end - at));
    return;
  }
  std::string text(size, '\0');
  char* const end = http::write_request_head(text.data(), headers, options.header_case,
                                             options.send_fully_qualified_url, extra);
  out_.append({text.data(), static_cast<std::size_t>(end - text.data())}, pool);
}

void Http1Connection::send_headers(const http::HeaderMap& headers, bool end_of_stream) {
  const std::string_view method = headers.get(HeaderId::method);
  method_ = method == "HEAD" ? kHead : method == "CONNECT" ? kConnect : kOther;
  upgrade_ = headers.has(HeaderId::upgrade);
  request_done_ = end_of_stream;
  std::string_view extra;
  if (!headers.has(HeaderId::content_length) && !upgrade_) {
    if (!end_of_stream) {
      request_chunked_ = true;
      extra = "transfer-encoding: chunked\r\n";
    } else if (!says_nothing_of_no_body(method)) {
      extra = "content-length: 0\r\n";
    }
  }
  append_head(headers, extra);
}

void Http1Connection::send_data(std::string_view data, bool end_of_stream) {
  auto& pool = environment().relay.buffers;
  request_done_ = end_of_stream;
  if (request_chunked_ && !data.empty()) {
    char size[20];
    char* const end = http::write_chunk_size(size, data.size());
    out_.append({size, static_cast<std::size_t>(end - size)}, pool);
  }
  // What is large goes out from where it stands.
  constexpr std::size_t kWorthNoCopy = 8 * 1024;
  if (data.size() >= kWorthNoCopy && !congested() && phase_ == Phase::open) {
    bool open = true;
    guarded([&] { open = write_out(data); });
    if (!open || phase_ == Phase::closed) return;
  } else {
    out_.append(data, pool);
  }
  if (upgrade_ && end_of_stream) {
    // A tunnel: the end is a FIN, behind what was sent before.
    bool open = true;
    guarded([&] { open = write_out(); });
    if (open && out_.empty()) shutdown(fd(), SHUT_WR);
    return;
  }
  if (!request_chunked_) return;
  if (!data.empty()) out_.append("\r\n", pool);
  if (end_of_stream) out_.append("0\r\n\r\n", pool);
}

void Http1Connection::send_trailers(const http::HeaderMap& trailers) {
  request_done_ = true;
  if (!request_chunked_) return;
  std::string text;
  http::append_last_chunk(text, cluster().config().http1.enable_trailers ? &trailers : nullptr);
  out_.append(text, environment().relay.buffers);
}

void Http1Connection::flush() {
  if (out_.empty() || phase_ != Phase::open) return;
  guarded([&] { static_cast<void>(write_out()); });
}

void Http1Connection::pause_response(bool paused) {
  if (paused_ == paused) return;
  paused_ = paused;
  if (paused || !unread_) return;
  // The edge has passed: what is there is read soon, not now, since who asks may be in the middle
  // of what was read elsewhere.
  resume_later();
}

void Http1Connection::on_turn() {
  if (!paused_ && std::exchange(unread_, false)) on_readable();
}

void Http1Connection::cancel() {
  events_ = nullptr;
  close(ResetReason::local_reset, "the exchange was given up");
}

void Http1Connection::on_drained() {
  if (events_ != nullptr) events_->on_request_drained();
}

void Http1Connection::on_idle_timer() {
  const auto timeout = cluster().config().http.idle_timeout.value_or(
      std::chrono::milliseconds(std::chrono::hours(1)));
  if (timeout.count() == 0) return;
  const auto idle = environment().loop.now() - idle_since_;
  if (events_ != nullptr || idle < timeout) {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(timeout - idle);
    environment().loop.arm(timer_, events_ != nullptr ? timeout : rest);
    return;
  }
  cluster().stats().upstream_cx_idle_timeout.add();
  close(ResetReason::local_reset, "idle timeout");
}

void Http1Connection::end_exchanges(ResetReason reason, std::string_view detail) {
  if (auto* const events = std::exchange(events_, nullptr); events != nullptr)
    events->on_reset(reason, detail);
}

void Http1Connection::on_readable() {
  auto& buffer = *environment().relay.shared;
  while (phase_ == Phase::open && !paused_) {
    if (response_elsewhere_) {
      if (events_ != nullptr) events_->on_body_readable();
      return;
    }
    const ssize_t got = recv(fd(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      close(ResetReason::connection_terminated, std::strerror(errno));
      return;
    }
    if (got == 0) {
      static_cast<void>(on_end_of_input());
      return;
    }
    const auto size = static_cast<std::size_t>(got);
    cluster().stats().upstream_cx_rx_bytes_total.add(size);
    if (!process({reinterpret_cast<const char*>(buffer.data()), size})) return;
    // A short read has emptied the queue, unless the end follows it.
    if (size < buffer.size() && !peer_ended_) break;
  }
  if (phase_ == Phase::open && paused_) unread_ = true;
  if (phase_ == Phase::open && events_ != nullptr) events_->on_batch_end();
}

bool Http1Connection::on_end_of_input() {
  if (events_ != nullptr && receiving_ == Receiving::body &&
      (framing_ == BodyFraming::until_close || framing_ == BodyFraming::tunnel)) {
    keep_alive_ = false;
    ExchangeEvents* const events = finish();
    events->on_response_data({}, true);
    return false;
  }
  // Half a head is none; what becomes of half a body, the router knows.
  const bool partial = begun_ && receiving_ != Receiving::nothing;
  close(!held_.empty() ? ResetReason::protocol_error : ResetReason::connection_terminated,
        partial ? "closed within a response" : "closed");
  return false;
}

void Http1Connection::refuse(Http1Error error) {
  cluster().stats().upstream_cx_protocol_error.add();
  close(ResetReason::protocol_error, http::describe(error));
}

bool Http1Connection::process(std::string_view bytes) {
  while (!bytes.empty()) {
    if (events_ == nullptr) {
      // Nobody has asked for this.
      close(ResetReason::protocol_error, "bytes without a request");
      return false;
    }
    begun_ = true;
    const bool go_on = receiving_ == Receiving::head ? process_head(bytes) : process_body(bytes);
    if (!go_on || phase_ != Phase::open) return false;
  }
  return true;
}

bool Http1Connection::process_head(std::string_view& bytes) {
  const std::size_t held = held_.size();
  std::string_view head = bytes;
  if (held > 0) {
    held_ += bytes;
    head = held_;
    if (!http::worth_parsing(head, held) && head.size() < 60 * 1024) {
      bytes = {};
      return true;
    }
  }
  http::HeaderMap& headers = events_->response_map();
  http::StatusLine line;
  const http::HeadLimits limits{60 * 1024, cluster().config().http.max_headers,
                                cluster().config().http.underscores};
  const auto result = http::parse_response_head(head, limits, headers, line);
  if (result.status == HeadStatus::failed) {
    refuse(result.error);
    return false;
  }
  if (result.status == HeadStatus::incomplete) {
    headers.clear();
    if (held == 0) held_.assign(bytes);
    bytes = {};
    return true;
  }
  bytes.remove_prefix(result.consumed - held);
  held_ = std::string();
  if (line.status < 200 && line.status != 101) {
    events_->on_informational();
    return events_ != nullptr;
  }
  return begin_body(line, headers);
}

bool Http1Connection::begin_body(const http::StatusLine& line, http::HeaderMap& headers) {
  const Http1Error error = http::response_framing(headers, line, method_text(), framing_, left_);
  if (error != Http1Error::none) {
    refuse(error);
    return false;
  }
  // Only a 101 to a request that asked for it opens a tunnel.
  const bool tunnel = line.status == 101 && upgrade_;
  if (line.status == 101 && !upgrade_) {
    refuse(Http1Error::bad_status_line);
    return false;
  }
  if (tunnel) framing_ = BodyFraming::tunnel;
  if (line.status == 204) headers.remove(HeaderId::content_length);
  const std::string_view connection = headers.joined("connection");
  const bool says_close = http::has_token(connection, "close");
  const bool says_keep = http::has_token(connection, "keep-alive");
  keep_alive_ = !tunnel && framing_ != BodyFraming::until_close && !says_close &&
                (line.minor_version == 1 || says_keep);
  receiving_ = Receiving::body;
  if (framing_ == BodyFraming::chunked) chunks_ = std::make_unique<http::ChunkDecoder>();
  if (framing_ != BodyFraming::none) {
    events_->on_response_headers(line.status, false);
    return events_ != nullptr;
  }
  ExchangeEvents* const events = finish();
  events->on_response_headers(line.status, true);
  return false;
}

bool Http1Connection::process_body(std::string_view& bytes) {
  if (framing_ == BodyFraming::chunked) return process_chunked(bytes);
  std::string_view piece = bytes;
  if (framing_ == BodyFraming::length) {
    piece = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
    left_ -= piece.size();
  }
  bytes.remove_prefix(piece.size());
  if (framing_ != BodyFraming::length || left_ > 0) {
    events_->on_response_data(piece, false);
    return events_ != nullptr;
  }
  // More than was announced: what follows is nobody's answer.
  if (!bytes.empty()) keep_alive_ = false;
  ExchangeEvents* const events = finish();
  events->on_response_data(piece, true);
  return false;
}

bool Http1Connection::process_chunked(std::string_view& bytes) {
  using Step = http::ChunkDecoder::Step;
  const auto result = chunks_->decode(bytes);
  if (result.step == Step::failed) {
    refuse(result.error);
    return false;
  }
  bytes.remove_prefix(result.consumed);
  if (result.step == Step::need_more) return true;
  if (result.step == Step::data) {
    events_->on_response_data(result.piece, false);
    return events_ != nullptr;
  }
  const std::string trailers(chunks_->trailers());
  if (!bytes.empty()) keep_alive_ = false;
  if (trailers == "\r\n" || !cluster().config().http1.enable_trailers) {
    ExchangeEvents* const events = finish();
    events->on_response_data({}, true);
    return false;
  }
  http::HeaderMap& map = events_->trailers_map();
  const auto parsed = http::parse_trailers(trailers, {}, map);
  if (parsed.status != HeadStatus::complete) {
    refuse(parsed.error);
    return false;
  }
  ExchangeEvents* const events = finish();
  events->on_response_trailers();
  return false;
}

ExchangeEvents* Http1Connection::finish() {
  ExchangeEvents* const events = std::exchange(events_, nullptr);
  receiving_ = Receiving::nothing;
  chunks_.reset();
  const auto most = cluster().config().http.max_requests_per_connection;
  if (most != 0 && exchanges_ >= most) keep_alive_ = false;
  if (!keep_alive_ || !request_done_ || !out_.empty() || draining_ || peer_ended_) {
    close(ResetReason::local_reset, "");
    return events;
  }
  arm_idle();
  set_ready(true);
  return events;
}

int Http1Connection::socket_for_body() const {
  return phase_ == Phase::open && out_.empty() && !broken_ ? fd() : -1;
}

std::uint64_t Http1Connection::response_body_left() const {
  return receiving_ == Receiving::body && framing_ == BodyFraming::length ? left_ : 0;
}

void Http1Connection::response_was_read(std::uint64_t bytes) {
  left_ = 0;
  cluster().stats().upstream_cx_rx_bytes_total.add(bytes);
  guarded([&] { static_cast<void>(finish()); });
}

void Http1Connection::request_was_written(std::uint64_t bytes, bool end_of_stream) {
  cluster().stats().upstream_cx_tx_bytes_total.add(bytes);
  request_done_ = end_of_stream;
  request_elsewhere_ = false;
}

}  // namespace weir::http_client
