// SPDX-License-Identifier: Apache-2.0
// What the owner of an Http2Session orders: messages, bodies, resets, ends.
#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include <nghttp2/nghttp2.h>

#include "proxy/http/http2/header_fields.hpp"
#include "proxy/http/http2/session_parts.hpp"

namespace weir::http {

Http2Session::Stream* Http2Session::find(std::int32_t id) const noexcept {
  if (last_found_ != nullptr && last_found_->id == id) return last_found_;
  if (void* const known = nghttp2_session_get_stream_user_data(session_, id))
    return last_found_ = static_cast<Stream*>(known);
  if (next_waiting_ == waiting_.size()) return nullptr;
  const std::int32_t first = waiting_[next_waiting_]->id;
  if (id < first || ((id - first) & 1) != 0) return nullptr;
  const std::size_t at = next_waiting_ + static_cast<std::size_t>((id - first) / 2);
  return at < waiting_.size() ? waiting_[at] : nullptr;
}

Http2Session::Stream* Http2Session::add_stream(std::int32_t id, void* owner) {
  void* const at = memory_.allocate(sizeof(Stream));
  if (at == nullptr) return nullptr;
  auto* const stream = new (at) Stream;
  stream->id = id;
  stream->owner = owner;
  stream->opened = now_;
  stream->next = streams_;
  if (streams_ != nullptr) streams_->previous = stream;
  streams_ = stream;
  ++active_;
  if (id != 0) last_found_ = stream;
  return stream;
}

void Http2Session::drop_stream(Stream& stream) {
  if (stream.previous != nullptr)
    stream.previous->next = stream.next;
  else
    streams_ = stream.next;
  if (stream.next != nullptr) stream.next->previous = stream.previous;
  if (last_found_ == &stream) last_found_ = nullptr;
  stream.queue.clear(memory_);
  memory_.release(&stream);
}

void Http2Session::not_waiting(std::int32_t id) noexcept {
  if (next_waiting_ == waiting_.size() || waiting_[next_waiting_]->id != id) return;
  if (++next_waiting_ < waiting_.size()) return;
  next_waiting_ = 0;
  constexpr std::size_t kKept = 32;
  if (waiting_.capacity() > kKept)
    waiting_ = {};
  else
    waiting_.clear();
}

bool Http2Session::submit_headers(std::int32_t id, const HeaderMap& headers, bool end) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset_here || stream->reset_told) return false;
  stream->sends_body = !end;
  stream->ended = end;
  const HeaderFields fields(headers, FieldsOf::response);
  nghttp2_data_provider body{{.ptr = stream}, Http2Callbacks::read_body};
  return nghttp2_submit_response(session_, id, fields.data(), fields.size(),
                                 end ? nullptr : &body) == 0;
}

bool Http2Session::submit_informational(std::int32_t id, const HeaderMap& headers) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset_here || stream->reset_told) return false;
  const HeaderFields fields(headers, FieldsOf::response);
  return nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, fields.data(),
                                fields.size(), nullptr) == 0;
}

std::int32_t Http2Session::submit_request(const HeaderMap& headers, bool end, void* owner) {
  if (dead_ || nghttp2_session_check_request_allowed(session_) == 0) return -1;
  Stream* const stream = add_stream(0, owner);
  if (stream == nullptr) return -1;
  stream->sends_body = !end;
  stream->ended = end;
  const HeaderFields fields(headers, FieldsOf::request);
  nghttp2_data_provider body{{.ptr = stream}, Http2Callbacks::read_body};
  stream->id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                      end ? nullptr : &body, stream);
  if (stream->id < 0) {
    --active_;
    drop_stream(*stream);
    return -1;
  }
  waiting_.push_back(stream);
  last_found_ = stream;
  return stream->id;
}

void Http2Session::wake(Stream& stream) {
  if (!stream.deferred) return;
  stream.deferred = false;
  nghttp2_session_resume_data(session_, stream.id);
}

std::size_t Http2Session::submit_data(std::int32_t id, std::span<const std::byte> data, bool end) {
  Stream* const stream = find(id);
  if (stream == nullptr || !stream->sends_body || stream->ended || stream->reset_here ||
      stream->reset_told)
    return 0;
  if (!stream->queue.push(data, memory_)) {
    reset(id, Http2Error::internal_error);
    return 0;
  }
  stream->ended = end;
  if (stream->queue.size() > low_mark_) stream->above_mark = true;
  if (end || !data.empty()) wake(*stream);
  return stream->queue.size();
}

bool Http2Session::submit_trailers(std::int32_t id, const HeaderMap& trailers) {
  Stream* const stream = find(id);
  if (stream == nullptr || !stream->sends_body || stream->ended || stream->reset_here ||
      stream->reset_told)
    return false;
  stream->trailers = &trailers;
  stream->ended = true;
  wake(*stream);
  return true;
}

std::size_t Http2Session::queued(std::int32_t id) const noexcept {
  const Stream* const stream = find(id);
  return stream == nullptr ? 0 : stream->queue.size();
}

void Http2Session::queue_reset(std::int32_t id, Http2Error code) {
  // What a client takes back it chose itself; a server resets for what its peer did.
  if (role_ == Role::server) ++resets_queued_;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code));
}

void Http2Session::reset(std::int32_t id, Http2Error code) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->reset_here) return;
  stream->reset_here = true;
  stream->queue.clear(memory_);
  if (!stream->reset_told) queue_reset(id, code);
}

void Http2Session::give_back_connection_window(std::size_t bytes) {
  connection_consumed_ += static_cast<std::uint32_t>(bytes);
  if (connection_consumed_ < connection_batch_) return;
  nghttp2_session_consume_connection(session_, std::exchange(connection_consumed_, 0));
}

void Http2Session::consume(std::int32_t id, std::size_t bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;  // came back when it ended
  bytes = std::min<std::size_t>(bytes, stream->unconsumed);
  stream->unconsumed -= static_cast<std::uint32_t>(bytes);
  stream->consumed += static_cast<std::uint32_t>(bytes);
  give_back_connection_window(bytes);
  if (stream->consumed >= stream_batch_)
    nghttp2_session_consume_stream(session_, id, std::exchange(stream->consumed, 0));
}

void Http2Session::set_user_data(std::int32_t id, void* owner) noexcept {
  if (Stream* const stream = find(id)) stream->owner = owner;
}

void* Http2Session::user_data(std::int32_t id) const noexcept {
  const Stream* const stream = find(id);
  return stream == nullptr ? nullptr : stream->owner;
}

void Http2Session::shutdown_notice() {
  if (role_ == Role::server && !dead_) nghttp2_submit_shutdown_notice(session_);
}

void Http2Session::goaway(Http2Error code) {
  if (dead_) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_),
                        static_cast<std::uint32_t>(code), nullptr, 0);
}

void Http2Session::terminate(Http2Error code) {
  if (!dead_) nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(code));
}

void Http2Session::ping(std::uint64_t opaque) {
  std::array<std::uint8_t, 8> bytes;
  std::memcpy(bytes.data(), &opaque, bytes.size());
  if (!dead_) nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, bytes.data());
}

bool Http2Session::may_open_stream() const noexcept {
  return !dead_ && !failed_ && nghttp2_session_check_request_allowed(session_) != 0 &&
         active_ <
             nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace weir::http
