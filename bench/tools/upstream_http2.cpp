// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/upstream_http2.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "bench/tools/http1.hpp"
#include "bench/tools/http2.hpp"
#include "bench/tools/protocol.hpp"

namespace bench {
namespace {

constexpr std::string_view kSmall = "/small/";

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
              std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
              std::uint8_t, void*) {
  if (text_of(name, name_size) != ":path") return 0;
  const std::string_view path = text_of(value, value_size);
  const auto id =
      path.substr(0, kSmall.size()) == kSmall ? read_id(path.substr(kSmall.size())) : std::nullopt;
  if (!id) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, as_user_data(*id));
  return 0;
}

// The whole body at once; so small a window that it does not fit is not served.
ssize_t read_body(nghttp2_session* session, std::int32_t stream, std::uint8_t* to, std::size_t size,
                  std::uint32_t* flags, nghttp2_data_source*, void*) {
  if (size < kReplySize) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::uint64_t id =
      from_user_data(nghttp2_session_get_stream_user_data(session, stream)) ^ kReplyMask;
  std::memset(to, 0, kReplySize);
  std::memcpy(to, &id, sizeof id);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  return kReplySize;
}

int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!carries || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  static const std::array<nghttp2_nv, 5> head = {
      header(":status", "200"), header("content-type", kContentType),
      header("content-length", "100"), header("date", kDate), header("server", kServer)};
  static_assert(kReplySize == 100);
  nghttp2_data_provider body{};
  body.read_callback = read_body;
  return nghttp2_submit_response(session, frame->hd.stream_id, head.data(), head.size(), &body);
}

nghttp2_session_callbacks* callbacks() {
  static nghttp2_session_callbacks* made = [] {
    nghttp2_session_callbacks* fresh = nullptr;
    nghttp2_session_callbacks_new(&fresh);
    nghttp2_session_callbacks_set_on_header_callback(fresh, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(fresh, on_frame);
    return fresh;
  }();
  return made;
}

}  // namespace

Http2Connection::Http2Connection(int fd) : fd_(fd) {
  nghttp2_session_server_new(&session_, callbacks(), nullptr);
  const nghttp2_settings_entry streams{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &streams, 1);
}

Http2Connection::~Http2Connection() { nghttp2_session_del(session_); }

bool Http2Connection::serve() {
  return read_session(session_, fd_) && write_session(session_, fd_) &&
         (nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0);
}

}  // namespace bench
