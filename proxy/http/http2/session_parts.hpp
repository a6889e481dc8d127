// SPDX-License-Identifier: Apache-2.0
// The parts of an Http2Session that only its own sources see: its streams, and what the library
// calls.
#pragma once

#include <cstdint>
#include <string_view>

#include <nghttp2/nghttp2.h>

#include "proxy/http/http2_session.hpp"

namespace weir::http {

struct Http2Session::Stream {
  Stream* next = nullptr;
  Stream* previous = nullptr;
  void* owner = nullptr;
  const HeaderMap* trailers = nullptr;
  BodyQueue queue;
  Clock::time_point opened{};
  std::int32_t id = 0;
  std::uint32_t unconsumed = 0;  // window that the owner holds
  std::uint32_t consumed = 0;    // given back by the owner, not by us yet
  bool sends_body = false;
  bool ended = false;     // the last byte of ours is queued
  bool deferred = false;  // the library waits for wake()
  bool above_mark = false;
  bool reset_here = false;  // by the owner: it wants to hear no more
  bool reset_told = false;
  bool reset_by_peer = false;
  bool final_headers = false;  // client: the response has begun, what comes next are trailers
  bool fault_of_peer = false;  // counts as a premature reset
};

// As Envoy names them in %RESPONSE_CODE_DETAILS%.
inline constexpr std::string_view kInvalidHeader = "http2.invalid.header.field";
inline constexpr std::string_view kMessagingRule = "http2.violation.of.messaging.rule";

/// What the library calls; `user_data` is the session. A negative return ends the connection.
struct Http2Callbacks {
  static const nghttp2_session_callbacks* table();

  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data);
  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t flags, void* user_data);
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame* frame,
                               const std::uint8_t* name, std::size_t name_size,
                               const std::uint8_t* value, std::size_t value_size,
                               std::uint8_t flags, void* user_data);
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int error,
                              void* user_data);
  static int on_data(nghttp2_session*, std::uint8_t flags, std::int32_t id,
                     const std::uint8_t* data, std::size_t size, void* user_data);
  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data);
  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code,
                             void* user_data);
  static int on_error(nghttp2_session*, int error, const char* text, std::size_t size,
                      void* user_data);
  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* buffer,
                           std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                           void* user_data);
  static int send_body(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head,
                       std::size_t size, nghttp2_data_source* source, void* user_data);

 private:
  static Http2Session& self(void* user_data) { return *static_cast<Http2Session*>(user_data); }
  static int headers_complete(Http2Session& session, Http2Session::Stream& stream,
                              const nghttp2_frame& frame);
  static int refuse_message(Http2Session& session, std::int32_t id, std::string_view details);
  static int refuse_block(Http2Session& session, std::int32_t id, HeaderBlock::Verdict verdict);
};

}  // namespace weir::http
