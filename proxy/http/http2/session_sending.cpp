// SPDX-License-Identifier: Apache-2.0
// What the library tells an Http2Session about frames that go out and streams that end, and the
// bodies that it asks for.
#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/http/http2/header_fields.hpp"
#include "proxy/http/http2/session_parts.hpp"

namespace weir::http {

int Http2Callbacks::on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  Http2Session& session = self(user_data);
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) session.not_waiting(frame->hd.stream_id);
      break;
    case NGHTTP2_RST_STREAM: {
      if (session.resets_queued_ > 0) --session.resets_queued_;
      auto* const stream = session.find(frame->hd.stream_id);
      if (stream == nullptr || stream->reset_here || stream->reset_told) break;
      // The library found a fault in a body and told nobody: its length is not what was announced.
      stream->fault_of_peer = true;
      session.tell_reset(
          *stream, {static_cast<Http2Error>(frame->rst_stream.error_code), false, kMessagingRule});
      break;
    }
    case NGHTTP2_GOAWAY:
      if (frame->goaway.last_stream_id != INT32_MAX) session.goaway_sent_ = true;
      if (frame->goaway.error_code == NGHTTP2_NO_ERROR || session.failed_) break;
      session.failed_ = true;
      session.error_ = static_cast<Http2Error>(frame->goaway.error_code);
      if (session.details_.empty()) session.details_ = "http2.codec_error";
      if (frame->goaway.opaque_data_len != 0)
        session.note_text({reinterpret_cast<const char*>(frame->goaway.opaque_data),
                           frame->goaway.opaque_data_len});
      break;
    default:
      break;
  }
  return 0;
}

void Http2Session::tell_reset(Stream& stream, const Http2Reset& reset) {
  if (std::exchange(stream.reset_told, true) || stream.reset_here) return;
  stream.queue.clear(memory_);
  events_.on_reset(stream.id, reset);
}

int Http2Callbacks::on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code,
                                    void* user_data) {
  Http2Session& session = self(user_data);
  auto* const stream = session.find(id);
  session.not_waiting(id);
  if (stream == nullptr) return 0;
  if (code != NGHTTP2_NO_ERROR && !stream->reset_told)
    session.tell_reset(
        *stream, {static_cast<Http2Error>(code), session.goaway_received_,
                  code == NGHTTP2_REFUSED_STREAM ? "http2.remote_refuse" : "http2.codec_error"});
  session.give_back_connection_window(stream->unconsumed);
  const bool taken_back = stream->reset_by_peer || stream->fault_of_peer;
  const auto lived = session.now_ - stream->opened;
  --session.active_;  // before the event: it may be waited for in order to open another
  session.events_.on_stream_closed(id, stream->owner);
  session.drop_stream(*stream);
  if (session.role_ == Http2Session::Role::client) return 0;
  return session.check_flood(session.floods_.on_stream_closed(taken_back, lived))
             ? 0
             : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Http2Callbacks::on_error(nghttp2_session*, int, const char* data, std::size_t size,
                             void* user_data) {
  self(user_data).note_text({data, size});
  return 0;
}

ssize_t Http2Callbacks::read_body(nghttp2_session* library, std::int32_t id, std::uint8_t*,
                                  std::size_t size, std::uint32_t* flags,
                                  nghttp2_data_source* source, void* user_data) {
  Http2Session& session = self(user_data);
  auto& stream = *static_cast<Http2Session::Stream*>(source->ptr);
  const std::size_t queued = stream.queue.size();
  if (queued == 0 && !stream.ended) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  constexpr std::size_t kFrameHead = 9;
  constexpr std::size_t kWorthwhile = 256;
  const std::size_t space = session.room() > kFrameHead ? session.room() - kFrameHead : 0;
  if (space < std::min(queued, kWorthwhile) || session.room() < kFrameHead)
    return NGHTTP2_ERR_PAUSE;
  const std::size_t sent = std::min({queued, size, space});
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (sent == queued && stream.ended) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream.trailers != nullptr) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const HeaderFields fields(*stream.trailers, FieldsOf::trailers);
      if (nghttp2_submit_trailer(library, id, fields.data(), fields.size()) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
  }
  return static_cast<ssize_t>(sent);
}

int Http2Callbacks::send_body(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head,
                              std::size_t size, nghttp2_data_source* source, void* user_data) {
  Http2Session& session = self(user_data);
  auto& stream = *static_cast<Http2Session::Stream*>(source->ptr);
  constexpr std::size_t kFrameHead = 9;
  session.copy_out(reinterpret_cast<const std::byte*>(head), kFrameHead);
  stream.queue.pop(session.out_.data() + session.used_, size, session.memory_);
  session.used_ += size;
  session.floods_.on_data_sent();
  if (stream.above_mark && stream.queue.size() <= session.low_mark_) {
    stream.above_mark = false;
    session.events_.on_stream_writable(stream.id);
  }
  return 0;
}

}  // namespace weir::http
