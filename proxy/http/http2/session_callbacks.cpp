// SPDX-License-Identifier: Apache-2.0
// What the library tells an Http2Session about its peer's frames.
#include <cstring>
#include <utility>

#include "proxy/http/http2/session_parts.hpp"

namespace weir::http {
namespace {

std::string_view text(const std::uint8_t* data, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(data), size};
}

// We announce no other SETTINGS_MAX_FRAME_SIZE than the one to begin with.
constexpr std::size_t kLargestFrame = 16384;

bool ends_stream(const nghttp2_frame_hd& head) noexcept {
  return (head.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

}  // namespace

const nghttp2_session_callbacks* Http2Callbacks::table() {
  static const nghttp2_session_callbacks* const callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    nghttp2_session_callbacks_new(&made);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(made, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(made, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
    nghttp2_session_callbacks_set_error_callback2(made, on_error);
    nghttp2_session_callbacks_set_send_data_callback(made, send_body);
    return made;
  }();
  return callbacks;
}

int Http2Callbacks::on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head,
                                   void* user_data) {
  Http2Session& session = self(user_data);
  Flood flood = Flood::none;
  switch (head->type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
      // Of a CONTINUATION the library does not look at it (RFC 9113 §4.2).
      if (head->length > kLargestFrame) {
        session.fail(Http2Error::frame_size_error, "http2.codec_error",
                     "http/2: a frame is larger than SETTINGS_MAX_FRAME_SIZE");
        break;
      }
      // How much of a padded one is padding shows later.
      if (head->length == 0 || (head->flags & NGHTTP2_FLAG_PADDED) == 0)
        flood = session.floods_.on_content_frame(head->length == 0 && !ends_stream(*head));
      break;
    case NGHTTP2_PRIORITY:
      if (head->stream_id == 0) {  // the library, told to ignore priorities, does not look
        session.fail(Http2Error::protocol_error, "http2.codec_error", "PRIORITY: stream_id == 0");
        break;
      }
      flood = session.floods_.on_priority();
      break;
    case NGHTTP2_WINDOW_UPDATE:
      flood = session.floods_.on_window_update();
      break;
    case NGHTTP2_SETTINGS:
      session.queued_before_settings_ = nghttp2_session_get_outbound_queue_size(session.session_);
      break;
    default:
      break;
  }
  return session.check_flood(flood) && !session.dead_ ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Http2Callbacks::on_begin_headers(nghttp2_session* library, const nghttp2_frame* frame,
                                     void* user_data) {
  Http2Session& session = self(user_data);
  const std::int32_t id = frame->hd.stream_id;
  if (frame->hd.type != NGHTTP2_HEADERS) {
    session.fail(Http2Error::protocol_error, "http2.push_promise",
                 "http/2: a push was promised, though we take none");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  using Stream = Http2Session::Stream;
  auto kind = HeadersKind::trailers;
  Stream* stream = nullptr;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    kind = HeadersKind::request;
    session.floods_.on_stream_opened();
    stream = session.add_stream(id, nullptr);
    if (stream != nullptr) nghttp2_session_set_stream_user_data(library, id, stream);
  } else {
    stream = session.find(id);
    if (stream != nullptr && session.role_ == Http2Session::Role::client && !stream->final_headers)
      kind = HeadersKind::response;
  }
  HeaderMap* const map = stream == nullptr || stream->reset_here
                             ? nullptr
                             : session.events_.on_begin_headers(id, kind);
  if (map != nullptr) {
    session.block_.begin(*map);
    return 0;
  }
  if (stream == nullptr || !stream->reset_here) session.queue_reset(id, Http2Error::refused_stream);
  if (stream != nullptr && kind == HeadersKind::request) {
    nghttp2_session_set_stream_user_data(library, id, nullptr);
    --session.active_;
    session.drop_stream(*stream);
  } else if (stream != nullptr) {
    stream->reset_here = true;
  }
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Http2Callbacks::on_header(nghttp2_session*, const nghttp2_frame* frame,
                              const std::uint8_t* name, std::size_t name_size,
                              const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                              void* user_data) {
  Http2Session& session = self(user_data);
  if (!session.block_.filling()) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const auto verdict = session.block_.add(text(name, name_size), text(value, value_size));
  if (verdict == HeaderBlock::Verdict::ok) return 0;
  return refuse_block(session, frame->hd.stream_id, verdict);
}

int Http2Callbacks::refuse_block(Http2Session& session, std::int32_t id,
                                 HeaderBlock::Verdict verdict) {
  session.block_.abandon();
  std::string_view details = "http2.header_list_size_too_large";
  if (verdict == HeaderBlock::Verdict::too_many) details = "http2.too_many_headers";
  if (verdict == HeaderBlock::Verdict::underscore) details = "http2.unexpected_underscore";
  session.queue_reset(id, Http2Error::internal_error);
  if (auto* const stream = session.find(id)) {
    stream->fault_of_peer = true;
    session.tell_reset(*stream, {Http2Error::internal_error, false, details});
  }
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Http2Callbacks::on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                                      std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
                                      void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // the library would drop the field and go on
}

int Http2Callbacks::headers_complete(Http2Session& session, Http2Session::Stream& stream,
                                     const nghttp2_frame& frame) {
  if (!session.block_.filling()) return 0;
  HeaderMap& map = session.block_.map();
  auto kind = HeadersKind::trailers;
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    kind = HeadersKind::request;
  } else if (session.role_ == Http2Session::Role::client && !stream.final_headers) {
    const bool informational = map.get(HeaderId::status).starts_with('1');
    kind = informational ? HeadersKind::informational : HeadersKind::response;
    stream.final_headers = !informational;
  }
  if (!session.block_.finish(kind == HeadersKind::request)) {
    session.note_text("http/2: a request whose :authority is not a host");
    session.queue_reset(stream.id, Http2Error::protocol_error);
    return refuse_message(session, stream.id, kInvalidHeader);
  }
  if (!stream.reset_here) session.events_.on_headers(stream.id, kind, ends_stream(frame.hd));
  return 0;
}

int Http2Callbacks::on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  Http2Session& session = self(user_data);
  auto* const stream = frame->hd.stream_id == 0 ? nullptr : session.find(frame->hd.stream_id);
  switch (frame->hd.type) {
    case NGHTTP2_DATA:
      if (stream == nullptr || stream->reset_here) break;
      if (ends_stream(frame->hd))
        session.events_.on_end_of_stream(stream->id);
      else if ((frame->hd.flags & NGHTTP2_FLAG_PADDED) != 0 &&
               !session.check_flood(
                   session.floods_.on_content_frame(frame->hd.length == frame->data.padlen)))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
      break;
    case NGHTTP2_HEADERS:
      return stream == nullptr ? 0 : headers_complete(session, *stream, *frame);
    case NGHTTP2_RST_STREAM:
      if (stream == nullptr) break;
      stream->reset_by_peer = true;
      session.tell_reset(
          *stream, {static_cast<Http2Error>(frame->rst_stream.error_code), true,
                    frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM ? "http2.remote_refuse"
                                                                           : "http2.remote_reset"});
      break;
    case NGHTTP2_GOAWAY:
      session.goaway_received_ = true;
      session.events_.on_goaway(frame->goaway.last_stream_id,
                                static_cast<Http2Error>(frame->goaway.error_code));
      break;
    case NGHTTP2_SETTINGS:
      return session.check_windows((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
                 ? 0
                 : NGHTTP2_ERR_CALLBACK_FAILURE;
    case NGHTTP2_PING:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        std::uint64_t opaque = 0;
        std::memcpy(&opaque, frame->ping.opaque_data, sizeof opaque);
        session.events_.on_ping_ack(opaque);
      }
      break;
    default:
      break;
  }
  return 0;
}

/// A window that a new SETTINGS_INITIAL_WINDOW_SIZE makes too large ends the connection (RFC 9113
/// §6.9.2). The library only resets its stream: besides the acknowledgement those resets are all
/// that it queues.
bool Http2Session::check_windows(bool ack) {
  const std::size_t now = nghttp2_session_get_outbound_queue_size(session_);
  if (ack || now <= queued_before_settings_ + 1) return true;
  fail(Http2Error::flow_control_error, "http2.codec_error",
       "http/2: SETTINGS_INITIAL_WINDOW_SIZE makes a window too large");
  return false;
}

int Http2Callbacks::on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error,
                                     void* user_data) {
  Http2Session& session = self(user_data);
  if (error != NGHTTP2_ERR_HTTP_HEADER && error != NGHTTP2_ERR_HTTP_MESSAGING) return 0;
  if (error == NGHTTP2_ERR_HTTP_MESSAGING) session.error_text_.clear();
  ++session.resets_queued_;  // the library did
  return refuse_message(session, frame->hd.stream_id,
                        error == NGHTTP2_ERR_HTTP_HEADER ? kInvalidHeader : kMessagingRule);
}

int Http2Callbacks::refuse_message(Http2Session& session, std::int32_t id,
                                   std::string_view details) {
  session.block_.abandon();
  if (auto* const stream = session.find(id)) {
    stream->fault_of_peer = true;
    session.tell_reset(*stream, {Http2Error::protocol_error, false, details});
  }
  std::string why = std::exchange(session.error_text_, {});
  if (session.stream_errors_only_) return 0;
  if (why.empty()) why = "http/2: a message breaks the rules of HTTP";
  session.fail(Http2Error::protocol_error, details, std::move(why));
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Http2Callbacks::on_data(nghttp2_session*, std::uint8_t, std::int32_t id,
                            const std::uint8_t* data, std::size_t size, void* user_data) {
  Http2Session& session = self(user_data);
  auto* const stream = session.find(id);
  if (stream == nullptr || stream->reset_here || stream->reset_told) {
    session.give_back_connection_window(size);
    return 0;
  }
  stream->unconsumed += static_cast<std::uint32_t>(size);
  session.events_.on_data(id, {reinterpret_cast<const std::byte*>(data), size});
  return 0;
}

}  // namespace weir::http
