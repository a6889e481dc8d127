// SPDX-License-Identifier: Apache-2.0
// Http2Session: HTTP/2 on one connection, without sockets: bytes in, events out; orders in, bytes
// out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/header_map.hpp"
#include "proxy/http/http2/body_queue.hpp"
#include "proxy/http/http2/flood_guard.hpp"
#include "proxy/http/http2/header_block.hpp"
#include "proxy/http/http2/memory.hpp"
#include "proxy/http/protocol_options.hpp"

struct nghttp2_session;

namespace weir::http {

/// RFC 9113 §7. A peer may send other values.
enum class Http2Error : std::uint32_t {
  no_error = 0,
  protocol_error = 1,
  internal_error = 2,
  flow_control_error = 3,
  settings_timeout = 4,
  stream_closed = 5,
  frame_size_error = 6,
  refused_stream = 7,
  cancel = 8,
  compression_error = 9,
  connect_error = 10,
  enhance_your_calm = 11,
  inadequate_security = 12,
  http_1_1_required = 13,
};

/// "PROTOCOL_ERROR"; "UNKNOWN" for other values.
std::string_view http2_error_name(Http2Error code) noexcept;

enum class HeadersKind : std::uint8_t { request, response, informational, trailers };

/// Why a stream has ended early.
struct Http2Reset {
  Http2Error code = Http2Error::no_error;
  bool by_peer = false;  // RST_STREAM or GOAWAY of the peer's; else we refuse what the peer sent
  std::string_view details;  // for the access log: "http2.remote_reset"; lives for ever
};

/// What a session tells its owner, from inside receive() and produce(). The owner may give any
/// order (submit_*, reset, consume, …) from there, but must not call receive() or produce() of any
/// session of the worker, nor destroy this one.
class Http2Events {
 public:
  /// The headers of a message begin: `request` on a server, `response` on a client (whether it is
  /// informational shows in on_headers), or `trailers`.
  /// @return where they go (it is cleared first); the map and its arena live until
  ///   on_stream_closed. nullptr refuses: the stream is reset with REFUSED_STREAM, and for a new
  ///   stream no other event follows.
  virtual HeaderMap* on_begin_headers(std::int32_t stream, HeadersKind kind) = 0;
  /// They are complete and valid. Pseudo-headers are fields by their ids. After `informational` the
  /// next response goes to what the next on_begin_headers returns. `end_of_stream`: nothing follows
  /// (on_end_of_stream is not called then).
  virtual void on_headers(std::int32_t stream, HeadersKind kind, bool end_of_stream) = 0;
  /// `data` is valid during the call. Its window comes back with consume(), at once or later: what
  /// is not consumed holds the peer back. What is left when the stream ends comes back by itself.
  virtual void on_data(std::int32_t stream, std::span<const std::byte> data) = 0;
  /// The peer's body ended with DATA.
  virtual void on_end_of_stream(std::int32_t stream) = 0;
  /// The stream ends before its time; on_stream_closed follows at once or in the next produce().
  /// Not called for reset() by the owner.
  virtual void on_reset(std::int32_t stream, const Http2Reset& reset) = 0;
  /// What was queued for the stream has fallen below the low mark, after it had been above.
  virtual void on_stream_writable(std::int32_t stream) = 0;
  /// The peer opens no more (server) or takes none (client): streams above `last_stream` are gone
  /// (each got on_reset with REFUSED_STREAM).
  virtual void on_goaway(std::int32_t last_stream, Http2Error code) = 0;
  virtual void on_ping_ack(std::uint64_t opaque) = 0;
  /// The last event of a stream, exactly one for each stream that was accepted or submitted, unless
  /// the session is destroyed before. Its number, owner and header maps are forgotten.
  virtual void on_stream_closed(std::int32_t stream, void* owner) = 0;

 protected:
  ~Http2Events() = default;
};

struct Http2Limits {
  HeaderLimits headers;
  std::size_t low_mark = std::size_t{16} * 1024;  // of one stream's queue, bytes
};

/// One connection, as the server (downstream) or the client (upstream). Prior knowledge only: no
/// upgrade from HTTP/1.1, no push, no extended CONNECT. Small when idle: HPACK tables grow with
/// use, body queues exist while they hold something, the frame buffer is the worker's.
///
/// Header maps given to submit_* are not copied: names and values live until on_stream_closed.
/// Those of submit_headers and submit_informational may end sooner: when wants_write() was false
/// once after the call.
///
/// Worker thread only. Sans-I/O, no clock of its own.
class Http2Session {
 public:
  enum class Role : std::uint8_t { server, client };
  using Clock = FloodGuard::Clock;
  static constexpr std::size_t kSmallestBuffer = 1024;

  /// `memory` and `events` outlive it. The first produce() returns the preface.
  Http2Session(Role role, const Http2Options& options, const Http2Limits& limits,
               Http2Memory& memory, Http2Events& events);
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;
  ~Http2Session();

  /// Takes all of `bytes`. @return false: the connection is at its end (error(), error_text());
  ///   write what produce() returns, then close; no event follows. Some errors of the peer's show
  ///   only when their GOAWAY is produced: look at finished() after produce().
  bool receive(std::span<const std::byte> bytes, Clock::time_point now);
  /// Fills `out` (kSmallestBuffer at least) with frames. @return bytes to write; call again while
  ///   wants_write(). The bytes are the caller's: what could not be written now must be kept, and
  ///   nothing more be produced until it is gone: a peer that does not read is found by what piles
  ///   up here.
  std::size_t produce(std::span<std::byte> out, Clock::time_point now);
  [[nodiscard]] bool wants_write() const noexcept;
  /// Nothing will be read or written any more: close the connection.
  [[nodiscard]] bool finished() const noexcept;

  /// Server. At most one response per stream, after any number of informational ones.
  /// `end`: the response has no body and no trailers. Fields that HTTP/2 forbids (connection,
  /// transfer-encoding, …) are left out. @return false when the stream is not there any more
  bool submit_headers(std::int32_t stream, const HeaderMap& headers, bool end);
  bool submit_informational(std::int32_t stream, const HeaderMap& headers);
  /// Client. Ask may_open_stream() first: beyond the peer's limit requests wait here.
  /// @return the stream, or -1 when the connection takes no more (numbers used up, GOAWAY)
  std::int32_t submit_request(const HeaderMap& headers, bool end, void* owner);

  /// Copies `data` behind what is queued; after headers without `end`. `end` ends the stream.
  /// @return bytes queued for the stream now; 0 as well when it is not there any more
  std::size_t submit_data(std::int32_t stream, std::span<const std::byte> data, bool end);
  /// Ends the stream with `trailers` once the queue is empty.
  bool submit_trailers(std::int32_t stream, const HeaderMap& trailers);
  [[nodiscard]] std::size_t queued(std::int32_t stream) const noexcept;

  /// Drops what is queued and sends RST_STREAM. Only on_stream_closed follows, in produce().
  void reset(std::int32_t stream, Http2Error code);
  /// Gives back the window of `bytes` of on_data.
  void consume(std::int32_t stream, std::size_t bytes);

  // The owner's pointer of a stream; nullptr when the stream is not there.
  void set_user_data(std::int32_t stream, void* owner) noexcept;
  [[nodiscard]] void* user_data(std::int32_t stream) const noexcept;

  /// First step of a graceful end: tells the peer to open no more streams; those on the way are
  /// still accepted.
  void shutdown_notice();
  /// Second step: later streams are ignored. The session is finished() with its last stream.
  void goaway(Http2Error code = Http2Error::no_error);
  /// At once: GOAWAY is the last that produce() returns; then finished().
  void terminate(Http2Error code);
  void ping(std::uint64_t opaque);

  [[nodiscard]] std::size_t active_streams() const noexcept { return active_; }
  /// Client: the peer takes one more stream now.
  [[nodiscard]] bool may_open_stream() const noexcept;
  [[nodiscard]] bool goaway_sent() const noexcept { return goaway_sent_; }
  [[nodiscard]] bool goaway_received() const noexcept { return goaway_received_; }

  /// A connection error has happened (found by us, or GOAWAY with an error is on its way).
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] Http2Error error() const noexcept { return error_; }
  /// For the log: "http/2 stream 5: header 'te': …"; "" when there is nothing to say.
  [[nodiscard]] const std::string& error_text() const noexcept { return error_text_; }
  /// For the access log and the counters: "http2.inbound_empty_frames_flood"; lives for ever.
  [[nodiscard]] std::string_view details() const noexcept { return details_; }

 private:
  friend struct Http2Callbacks;
  struct Stream;

  void open_session(const Http2Options& options);
  void submit_preface(const Http2Options& options);
  [[nodiscard]] Stream* find(std::int32_t id) const noexcept;
  Stream* add_stream(std::int32_t id, void* owner);
  void drop_stream(Stream& stream);
  void fail(Http2Error code, std::string_view details, std::string text);
  void note_text(std::string_view text);
  bool check_flood(Flood flood);
  bool check_outbound();
  bool check_windows(bool ack);
  void tell_reset(Stream& stream, const Http2Reset& reset);
  void queue_reset(std::int32_t id, Http2Error code);
  void wake(Stream& stream);
  void not_waiting(std::int32_t id) noexcept;
  std::size_t take_spilled(std::span<std::byte> out);
  void copy_out(const std::byte* data, std::size_t size);
  void write_last_goaway();
  void give_back_connection_window(std::size_t bytes);
  [[nodiscard]] std::size_t room() const noexcept { return out_.size() - used_; }

  nghttp2_session* session_ = nullptr;
  Http2Memory& memory_;
  Http2Events& events_;
  FloodGuard floods_;
  HeaderBlock block_;
  Clock::time_point now_{};
  std::span<std::byte> out_;
  std::size_t used_ = 0;
  std::vector<std::byte> spill_;  // of a frame that was larger than the buffer
  std::size_t spilled_ = 0;       // of it, returned already

  Stream* streams_ = nullptr;
  mutable Stream* last_found_ = nullptr;  // most calls in a row are about one stream
  // Client: submitted and not yet known to the library, in order; from next_waiting_ on. Numbers
  // follow each other, so a place is found by arithmetic.
  std::vector<Stream*> waiting_;
  std::size_t next_waiting_ = 0;
  std::size_t active_ = 0;
  std::size_t low_mark_;
  std::uint32_t connection_consumed_ = 0;
  std::uint32_t connection_batch_;  // window given back at once
  std::uint32_t stream_batch_;
  std::uint32_t max_outbound_;
  std::uint32_t max_outbound_control_;
  std::uint32_t resets_queued_ = 0;
  std::size_t queued_before_settings_ = 0;

  std::string error_text_;
  std::string_view details_;
  Http2Error error_ = Http2Error::no_error;
  Role role_;
  bool stream_errors_only_;  // stream_error_on_invalid_message
  bool failed_ = false;
  bool last_goaway_due_ = false;  // written by us: the library is past using
  bool dead_ = false;             // the library is past using
  bool goaway_sent_ = false;
  bool goaway_received_ = false;
  bool preface_sent_ = false;
};

}  // namespace weir::http
