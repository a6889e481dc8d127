// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http2_session.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <limits>

#include <nghttp2/nghttp2.h>

#include "proxy/http/http2/session_parts.hpp"

namespace weir::http {
namespace {

constexpr std::uint32_t kDefaultWindow = 65535;
constexpr std::uint32_t kDefaultTable = 4096;
// Far more than a header block within our limits needs; a stream of them that never ends is
// refused.
constexpr std::size_t kMaxContinuations = 512;

// The allocator of the library: all of it goes to the worker's memory.
void* library_malloc(std::size_t size, void* memory) {
  return static_cast<Http2Memory*>(memory)->allocate(size);
}
void library_free(void* block, void* memory) { static_cast<Http2Memory*>(memory)->release(block); }
void* library_calloc(std::size_t count, std::size_t size, void* memory) {
  void* const block = static_cast<Http2Memory*>(memory)->allocate(count * size);
  if (block != nullptr) std::memset(block, 0, count * size);
  return block;
}
void* library_realloc(void* block, std::size_t size, void* memory) {
  return static_cast<Http2Memory*>(memory)->reallocate(block, size);
}

/// A window is given back in pieces of an eighth: few frames, and the peer never runs dry.
std::uint32_t batch_of(std::uint32_t window) noexcept {
  return std::max<std::uint32_t>(window, kDefaultWindow) / 8;
}

}  // namespace

std::string_view http2_error_name(Http2Error code) noexcept {
  static constexpr std::array<std::string_view, 14> kNames = {"NO_ERROR",
                                                              "PROTOCOL_ERROR",
                                                              "INTERNAL_ERROR",
                                                              "FLOW_CONTROL_ERROR",
                                                              "SETTINGS_TIMEOUT",
                                                              "STREAM_CLOSED",
                                                              "FRAME_SIZE_ERROR",
                                                              "REFUSED_STREAM",
                                                              "CANCEL",
                                                              "COMPRESSION_ERROR",
                                                              "CONNECT_ERROR",
                                                              "ENHANCE_YOUR_CALM",
                                                              "INADEQUATE_SECURITY",
                                                              "HTTP_1_1_REQUIRED"};
  const auto at = static_cast<std::size_t>(code);
  return at < kNames.size() ? kNames[at] : "UNKNOWN";
}

Http2Session::Http2Session(Role role, const Http2Options& options, const Http2Limits& limits,
                           Http2Memory& memory, Http2Events& events)
    : memory_(memory),
      events_(events),
      floods_(options),
      block_(limits.headers),
      low_mark_(limits.low_mark),
      connection_batch_(batch_of(options.initial_connection_window)),
      stream_batch_(options.initial_stream_window / 8),
      max_outbound_(options.max_outbound_frames),
      max_outbound_control_(options.max_outbound_control_frames),
      role_(role),
      stream_errors_only_(options.stream_error_on_invalid_message) {
  open_session(options);
  submit_preface(options);
}

Http2Session::~Http2Session() {
  while (streams_ != nullptr) drop_stream(*streams_);
  nghttp2_session_del(session_);
}

void Http2Session::open_session(const Http2Options& options) {
  nghttp2_option* library = nullptr;
  if (nghttp2_option_new(&library) != 0) std::abort();  // no memory
  nghttp2_option_set_no_auto_window_update(library, 1);
  nghttp2_option_set_no_closed_streams(library, 1);
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(library,
                                                                   1);  // HeaderBlock trims
  nghttp2_option_set_max_continuations(library, kMaxContinuations);
  nghttp2_option_set_max_reserved_remote_streams(library, 0);
  nghttp2_option_set_max_outbound_ack(library, options.max_outbound_control_frames);
  // Ours judges by lifetime, as Envoy does; the library's would end a busy honest connection.
  nghttp2_option_set_stream_reset_rate_limit(library, std::numeric_limits<std::uint64_t>::max(),
                                             std::numeric_limits<std::uint64_t>::max());
  // Headers of the largest message that we accept, and what we add to them.
  nghttp2_option_set_max_send_header_block_length(library, std::size_t{256} * 1024);
  nghttp2_option_set_max_deflate_dynamic_table_size(library, options.header_table_size);
  nghttp2_mem memory{&memory_, library_malloc, library_free, library_calloc, library_realloc};
  const Http2Memory::SharedFrameBuffer sharing(memory_);
  const auto open =
      role_ == Role::server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  const int failure = open(&session_, Http2Callbacks::table(), this, library, &memory);
  nghttp2_option_del(library);
  if (failure != 0) std::abort();  // no memory
}

void Http2Session::submit_preface(const Http2Options& options) {
  std::array<nghttp2_settings_entry, 5> entries;
  std::size_t count = 0;
  const auto set = [&](std::int32_t id, std::uint32_t value) { entries[count++] = {id, value}; };
  if (options.header_table_size != kDefaultTable)
    set(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, options.header_table_size);
  if (role_ == Role::client)
    set(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  else
    set(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams);
  if (options.initial_stream_window != kDefaultWindow)
    set(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.initial_stream_window);
  // The tree of priorities is work for us and a target for a peer; nobody is served by it.
  set(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), count);
  if (options.initial_connection_window > kDefaultWindow)
    nghttp2_session_set_local_window_size(
        session_, NGHTTP2_FLAG_NONE, 0,
        static_cast<std::int32_t>(options.initial_connection_window));
}

bool Http2Session::receive(std::span<const std::byte> bytes, Clock::time_point now) {
  if (failed_) return false;
  now_ = now;
  // A SETTINGS frame may come in pieces, and the owner may have sent something between them.
  queued_before_settings_ = nghttp2_session_get_outbound_queue_size(session_);
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    fail(Http2Error::protocol_error, "http2.bad_preface",
         "http/2 preface: not what a client begins with; does it speak HTTP/1.1?");
    last_goaway_due_ = false;  // it would not understand us (RFC 9113 §3.4)
  } else if (taken == NGHTTP2_ERR_FLOODED)
    fail(Http2Error::enhance_your_calm, "http2.outbound_control_flood",
         "http/2: too many control frames in the outbound queue");
  else if (taken < 0)
    fail(Http2Error::internal_error, "http2.codec_error",
         nghttp2_strerror(static_cast<int>(taken)));
  return !failed_ && check_outbound();
}

bool Http2Session::check_outbound() {
  if (nghttp2_session_get_outbound_queue_size(session_) > max_outbound_)
    fail(Http2Error::enhance_your_calm, "http2.outbound_frames_flood",
         "http/2: too many frames in the outbound queue");
  else if (resets_queued_ > max_outbound_control_)
    fail(Http2Error::enhance_your_calm, "http2.outbound_control_flood",
         "http/2: too many control frames in the outbound queue");
  return !dead_;
}

std::size_t Http2Session::produce(std::span<std::byte> out, Clock::time_point now) {
  now_ = now;
  const std::size_t before = take_spilled(out);
  if (spilled_ < spill_.size()) return before;
  assert(!memory_.producing);
  memory_.producing = true;
  out_ = out;
  used_ = before;
  while (!dead_ && room() >= kSmallestBuffer / 2) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size == 0) break;
    if (size < 0) {
      fail(Http2Error::internal_error, "http2.codec_error",
           nghttp2_strerror(static_cast<int>(size)));
      break;
    }
    if (!std::exchange(preface_sent_, true) && role_ == Role::client)
      // Its text stood in the shared frame buffer since the session was made.
      data = reinterpret_cast<const std::uint8_t*>(NGHTTP2_CLIENT_MAGIC);
    copy_out(reinterpret_cast<const std::byte*>(data), static_cast<std::size_t>(size));
  }
  if (last_goaway_due_) write_last_goaway();
  memory_.producing = false;
  out_ = {};
  return used_;
}

std::size_t Http2Session::take_spilled(std::span<std::byte> out) {
  const std::size_t taken = std::min(out.size(), spill_.size() - spilled_);
  if (taken == 0) return 0;
  std::memcpy(out.data(), spill_.data() + spilled_, taken);
  spilled_ += taken;
  if (spilled_ == spill_.size()) {
    spill_ = {};
    spilled_ = 0;
  }
  return taken;
}

void Http2Session::copy_out(const std::byte* data, std::size_t size) {
  const std::size_t fits = std::min(size, room());
  if (fits != 0) std::memcpy(out_.data() + used_, data, fits);
  used_ += fits;
  if (fits < size) spill_.insert(spill_.end(), data + fits, data + size);
}

void Http2Session::write_last_goaway() {
  // By hand: the library makes no promise about frames after an error of a callback.
  const auto last = static_cast<std::uint32_t>(nghttp2_session_get_last_proc_stream_id(session_));
  const auto code = static_cast<std::uint32_t>(error_);
  std::array<std::byte, 17> frame{};
  frame[2] = std::byte{8};
  frame[3] = std::byte{NGHTTP2_GOAWAY};
  for (std::size_t i = 0; i < 4; ++i) {
    frame[9 + i] = static_cast<std::byte>(last >> (24 - 8 * i));
    frame[13 + i] = static_cast<std::byte>(code >> (24 - 8 * i));
  }
  last_goaway_due_ = false;
  goaway_sent_ = true;
  if (role_ == Role::server && !std::exchange(preface_sent_, true)) {
    // Whatever is said comes after our SETTINGS (RFC 9113 §3.4).
    std::array<std::byte, 9> settings{};
    settings[3] = std::byte{NGHTTP2_SETTINGS};
    copy_out(settings.data(), settings.size());
  }
  copy_out(frame.data(), frame.size());
}

bool Http2Session::wants_write() const noexcept {
  if (spilled_ < spill_.size() || last_goaway_due_) return true;
  return !dead_ && nghttp2_session_want_write(session_) != 0;
}

bool Http2Session::finished() const noexcept {
  if (spilled_ < spill_.size() || last_goaway_due_) return false;
  return dead_ ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

void Http2Session::fail(Http2Error code, std::string_view details, std::string text) {
  if (dead_) return;
  dead_ = true;
  last_goaway_due_ = true;
  failed_ = true;
  error_ = code;
  details_ = details;
  error_text_ = std::move(text);
}

void Http2Session::note_text(std::string_view text) {
  constexpr std::size_t kEnough = 256;
  error_text_.assign(text.substr(0, kEnough));
  for (char& c : error_text_)  // it may quote the peer
    if (c < ' ' || c > '~') c = '?';
}

bool Http2Session::check_flood(Flood flood) {
  constexpr auto kCalm = Http2Error::enhance_your_calm;
  switch (flood) {
    case Flood::none:
      return true;
    case Flood::empty_frames:
      fail(kCalm, "http2.inbound_empty_frames_flood",
           "http/2: too many consecutive frames with an empty payload");
      return false;
    case Flood::priority_frames:
      fail(kCalm, "http2.inbound_priority_frames_flood", "http/2: too many PRIORITY frames");
      return false;
    case Flood::window_updates:
      fail(kCalm, "http2.inbound_window_update_frames_flood",
           "http/2: too many WINDOW_UPDATE frames");
      return false;
    case Flood::premature_resets:
      fail(kCalm, "too_many_premature_resets",
           "http/2: most streams were reset within a second of their beginning");
      return false;
  }
  return true;
}

}  // namespace weir::http
