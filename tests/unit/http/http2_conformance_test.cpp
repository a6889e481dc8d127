// SPDX-License-Identifier: Apache-2.0
// Every frame in every state of a stream (RFC 9113 §5.1), and every frame in a wrong form (§6),
// written by hand, into a server and into a client.
#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/http/http2_endpoint.hpp"
#include "tests/unit/http/http2_frames.hpp"

namespace weir::http {
namespace {

using namespace raw;  // NOLINT: the table reads better
using Role = Http2Session::Role;

/// Of stream 1, which the client opens.
enum class State {
  idle,
  open,
  half_closed_local,
  half_closed_remote,
  closed,
  reset_by_peer,
  reset_by_us
};

constexpr std::array<std::string_view, 7> kStateNames = {
    "idle",   "open",          "half_closed_local", "half_closed_remote",
    "closed", "reset_by_peer", "reset_by_us"};

Fields of_peer(Role role) { return role == Role::server ? get() : Fields{{":status", "200"}}; }

/// Brings stream 1 into `state`, seen from the endpoint under test.
void bring(Http2Endpoint& end, Role role, State state) {
  end.output();
  end.input(role == Role::server ? std::string(kMagic) + settings() : settings());
  end.input(frame(kSettings, kAck, 0));
  const bool peer_ends = state == State::half_closed_remote || state == State::closed;
  const bool we_end = state == State::half_closed_local || state == State::closed;
  if (state == State::idle) {
    end.output();
    return;
  }
  if (role == Role::client) {
    end.session.submit_request(end.request(), we_end, nullptr);
    end.output();
  }
  if (role == Role::server || peer_ends || state == State::open)
    end.input(headers(1, of_peer(role),
                      static_cast<std::uint8_t>(kEndHeaders | (peer_ends ? kEndStream : 0))));
  if (role == Role::server && we_end) end.session.submit_headers(1, end.response(), true);
  if (state == State::reset_by_peer) end.input(rst_stream(1, 8));
  if (state == State::reset_by_us) end.session.reset(1, Http2Error::cancel);
  end.output();
}

/// What the endpoint answers to `bytes`: "ok", "stream PROTOCOL_ERROR", "connection …".
/// After anything but a connection error it must still be alive.
std::string outcome(Http2Endpoint& end, std::string_view bytes) {
  end.input(bytes);
  std::string text = "ok";
  for (const Frame& one : parse(end.output())) {
    if (one.type == kRstStream)
      text = "stream " +
             std::string(http2_error_name(static_cast<Http2Error>(read_number(one.payload))));
    if (one.type == kGoaway && read_number(std::string_view(one.payload).substr(4, 4)) != 0) {
      text = "connection " + std::string(http2_error_name(static_cast<Http2Error>(
                                 read_number(std::string_view(one.payload).substr(4, 4)))));
      EXPECT_TRUE(end.session.failed());
      EXPECT_TRUE(end.session.finished());
      EXPECT_FALSE(end.session.wants_write());
      EXPECT_FALSE(end.session.details().empty());
      return text;
    }
  }
  EXPECT_FALSE(end.session.failed()) << end.session.error_text();
  if (end.session.finished()) return text;
  end.input(frame(kPing, kNone, 0, "12345678"));
  bool alive = false;
  for (const Frame& one : parse(end.output()))
    alive = alive || (one.type == kPing && one.flags == kAck);
  EXPECT_TRUE(alive);
  return text;
}

struct Row {
  Role role;
  State state;
  std::string_view frame;
  std::string_view expected;
};

/// A well-formed frame of each type on stream 1 (or 0 where it belongs there).
std::string frame_named(std::string_view name, Role role) {
  const std::string priority = number(0, 4) + '\x10';
  if (name == "data") return frame(kData, kNone, 1, "x");
  if (name == "data_end") return frame(kData, kEndStream, 1, "x");
  if (name == "headers") return headers(1, of_peer(role), kEndHeaders);
  if (name == "headers_end") return headers(1, of_peer(role));
  if (name == "trailers") return headers(1, {{"x-sum", "1"}});
  if (name == "priority") return frame(kPriority, kNone, 1, priority);
  if (name == "rst_stream") return rst_stream(1, 8);
  if (name == "settings") return settings({{3, 100}});
  if (name == "push_promise")
    return frame(kPushPromise, kEndHeaders, 1, number(2, 4) + block(get()));
  if (name == "ping") return frame(kPing, kNone, 0, "abcdefgh");
  if (name == "goaway")
    return frame(kGoaway, kNone, 0, number(role == Role::server ? 0 : 1, 4) + number(0, 4));
  if (name == "window_update") return window_update(1, 100);
  if (name == "continuation") return frame(kContinuation, kEndHeaders, 1, block(get()));
  if (name == "unknown") return frame(kUnknown, kNone, 1, "whatever");
  ADD_FAILURE() << "no frame is named " << name;
  return {};
}

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.frame; }

class Http2States : public testing::TestWithParam<Row> {};

TEST_P(Http2States, Frame) {
  const Row& row = GetParam();
  Http2Endpoint end(row.role);
  bring(end, row.role, row.state);
  EXPECT_EQ(outcome(end, frame_named(row.frame, row.role)), row.expected);
}

constexpr std::string_view kOk = "ok";
constexpr std::string_view kProtocol = "connection PROTOCOL_ERROR";
constexpr std::string_view kClosed = "connection STREAM_CLOSED";

struct Line {
  std::string_view frame;
  std::array<std::string_view, kStateNames.size()> expected;  // by State
};

// Frames for streams that are closed are dropped without an answer, whoever closed them: answering
// each with RST_STREAM, as §5.1 allows, would be work that a peer orders for nothing.
constexpr Line kServerLines[] = {
    {"data", {kProtocol, kOk, kOk, kClosed, kOk, kOk, kOk}},
    {"data_end", {kProtocol, kOk, kOk, kClosed, kOk, kOk, kOk}},
    {"headers", {kOk, kProtocol, kProtocol, kClosed, kOk, kOk, kOk}},
    {"headers_end", {kOk, kProtocol, kProtocol, kClosed, kOk, kOk, kOk}},
    {"trailers", {kProtocol, kOk, kOk, kClosed, kOk, kOk, kOk}},
    {"priority", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"rst_stream", {kProtocol, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"settings", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"push_promise", {kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol}},
    {"ping", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"goaway", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"window_update", {kProtocol, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"continuation", {kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol}},
    {"unknown", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
};

// HEADERS in `open` and `half_closed_local` differ: in the first the response has come already.
constexpr Line kClientLines[] = {
    {"data", {kProtocol, kOk, kProtocol, kClosed, kOk, kOk, kOk}},
    {"data_end", {kProtocol, kOk, kProtocol, kClosed, kOk, kOk, kOk}},
    {"headers", {kProtocol, kProtocol, kOk, kClosed, kOk, kOk, kOk}},
    {"headers_end", {kProtocol, kProtocol, kOk, kClosed, kOk, kOk, kOk}},
    {"trailers", {kProtocol, kOk, kProtocol, kClosed, kOk, kOk, kOk}},
    {"priority", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"rst_stream", {kProtocol, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"settings", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"push_promise", {kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol}},
    {"ping", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"goaway", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"window_update", {kProtocol, kOk, kOk, kOk, kOk, kOk, kOk}},
    {"continuation", {kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol, kProtocol}},
    {"unknown", {kOk, kOk, kOk, kOk, kOk, kOk, kOk}},
};

std::vector<Row> rows() {
  std::vector<Row> all;
  const auto add = [&](Role role, std::span<const Line> lines) {
    for (const Line& line : lines)
      for (std::size_t state = 0; state < kStateNames.size(); ++state)
        all.push_back({role, static_cast<State>(state), line.frame, line.expected[state]});
  };
  add(Role::server, kServerLines);
  add(Role::client, kClientLines);
  return all;
}

INSTANTIATE_TEST_SUITE_P(, Http2States, testing::ValuesIn(rows()), [](const auto& one) {
  const Row& row = one.param;
  return std::string(row.role == Role::server ? "server_" : "client_") +
         std::string(kStateNames[static_cast<std::size_t>(row.state)]) + "_" +
         std::string(row.frame);
});

/// A frame that is wrong in itself, on a connection with stream 1 open. Both roles unless one is
/// named.
struct Malformed {
  std::string_view name;
  std::string bytes;
  std::string_view expected;
  std::optional<Role> only = {};
};

std::ostream& operator<<(std::ostream& out, const Malformed& row) { return out << row.name; }

class Http2Malformed : public testing::TestWithParam<Malformed> {};

TEST_P(Http2Malformed, Frame) {
  const Malformed& row = GetParam();
  for (const Role role : {Role::server, Role::client}) {
    if (row.only && *row.only != role) continue;
    SCOPED_TRACE(role == Role::server ? "server" : "client");
    Http2Endpoint end(role);
    bring(end, role, State::open);
    EXPECT_EQ(outcome(end, row.bytes), row.expected);
  }
}

constexpr std::string_view kSize = "connection FRAME_SIZE_ERROR";
constexpr std::string_view kFlow = "connection FLOW_CONTROL_ERROR";
constexpr std::string_view kHpack = "connection COMPRESSION_ERROR";

const Malformed kMalformed[] = {
    {"data_on_stream_0", frame(kData, kNone, 0, "x"), kProtocol},
    {"data_on_a_stream_of_the_other_side", frame(kData, kNone, 2, "x"), kProtocol},
    {"data_padding_longer_than_payload", frame(kData, kPadded, 1, "\x05x"), kProtocol},
    {"data_padding_fills_payload", frame(kData, kPadded, 1, std::string("\x02\0\0", 3)), kOk},
    {"data_padded_without_length", frame(kData, kPadded, 1, ""), kProtocol},
    {"data_larger_than_max_frame", frame(kData, kNone, 1, std::string(16385, 'x')), kSize},
    {"data_of_max_frame", frame(kData, kNone, 1, std::string(16384, 'x')), kOk},
    {"headers_on_stream_0", headers(0, get()), kProtocol},
    {"headers_on_even_stream", headers(2, get()), kProtocol},
    {"headers_padding_longer_than_payload", frame(kHeaders, kPadded | kEndHeaders, 3, "\x05x"),
     kProtocol, Role::server},
    {"headers_priority_too_short", frame(kHeaders, kPrioritised | kEndHeaders, 3, "abc"), kSize,
     Role::server},
    {"headers_then_other_stream_continues",
     headers(3, get(), kNone) + frame(kContinuation, kEndHeaders, 5), kProtocol, Role::server},
    {"headers_then_data_before_continuation",
     headers(3, get(), kNone) + frame(kData, kNone, 1, "x"), kProtocol, Role::server},
    {"headers_then_ping_before_continuation",
     headers(3, get(), kNone) + frame(kPing, kNone, 0, "12345678"), kProtocol, Role::server},
    {"headers_then_unknown_before_continuation",
     headers(3, get(), kNone) + frame(kUnknown, kNone, 3, "x"), kProtocol, Role::server},
    {"headers_with_continuations",
     headers(3, get(), kNone) + frame(kContinuation, kNone, 3, literal("a", "b")) +
         frame(kContinuation, kEndHeaders, 3, literal("c", "d")),
     kOk, Role::server},
    {"headers_with_an_empty_last_continuation",
     headers(3, get(), kNone) + frame(kContinuation, kEndHeaders, 3), kOk, Role::server},
    {"headers_on_a_stream_below_the_last", headers(5, get()) + headers(3, get()), kOk,
     Role::server},
    {"headers_hpack_bad_index", frame(kHeaders, kEndHeaders | kEndStream, 3, "\xff\xff\x03"),
     kHpack, Role::server},
    {"headers_hpack_index_0", frame(kHeaders, kEndHeaders | kEndStream, 3, "\x80"), kHpack,
     Role::server},
    {"headers_hpack_cut",
     frame(kHeaders, kEndHeaders | kEndStream, 3,
           std::string("\0\x05"
                       "ab",
                       4)),
     kHpack, Role::server},
    {"headers_hpack_bad_huffman",
     frame(kHeaders, kEndHeaders | kEndStream, 3, std::string("\0\x81\xff\x81\xff", 5)), kHpack,
     Role::server},
    {"headers_hpack_table_larger_than_allowed",
     frame(kHeaders, kEndHeaders | kEndStream, 3, "\x3f\xe2\x1f" + block(get())), kHpack,
     Role::server},
    {"headers_hpack_table_size_after_field",
     frame(kHeaders, kEndHeaders | kEndStream, 3, block(get()) + "\x20"), kHpack, Role::server},
    {"headers_hpack_integer_overflow",
     frame(kHeaders, kEndHeaders | kEndStream, 3, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
     kHpack, Role::server},
    {"priority_on_stream_0", frame(kPriority, kNone, 0, number(0, 4) + "x"), kProtocol},
    {"priority_short", frame(kPriority, kNone, 1, "abcd"), kSize},
    {"priority_long", frame(kPriority, kNone, 1, "abcdef"), kSize},
    {"priority_on_itself", frame(kPriority, kNone, 1, number(1, 4) + "x"), kOk},
    {"rst_stream_on_stream_0", rst_stream(0, 8), kProtocol},
    {"rst_stream_short", frame(kRstStream, kNone, 1, "abc"), kSize},
    {"rst_stream_long", frame(kRstStream, kNone, 1, "abcde"), kSize},
    {"rst_stream_of_unknown_code", rst_stream(1, 0xdeadbeef), kOk},
    {"settings_on_a_stream", frame(kSettings, kNone, 1), kProtocol},
    {"settings_ack_with_payload", frame(kSettings, kAck, 0, number(0, 6)), kSize},
    {"settings_not_of_six", frame(kSettings, kNone, 0, "abcde"), kSize},
    {"settings_empty", settings(), kOk},
    {"settings_unknown", settings({{0xf0f0, 1}}), kOk},
    {"settings_unexpected_ack", frame(kSettings, kAck, 0), kProtocol},
    {"settings_push_2", settings({{2, 2}}), kProtocol},
    {"settings_push_from_the_server", settings({{2, 1}}), kProtocol, Role::client},
    {"settings_window_too_large", settings({{4, 0x80000000}}), kFlow},
    {"settings_window_largest", settings({{4, 0x7fffffff}}), kOk},
    {"settings_window_makes_a_stream_overflow",
     window_update(1, 1000) + settings({{4, 0x7fffffff}}), kFlow},
    {"settings_max_frame_too_small", settings({{5, 16383}}), kProtocol},
    {"settings_max_frame_too_large", settings({{5, 1 << 24}}), kProtocol},
    {"settings_max_frame_largest", settings({{5, (1 << 24) - 1}}), kOk},
    {"settings_connect_protocol_2", settings({{8, 2}}), kProtocol},
    {"settings_no_priorities_2", settings({{9, 2}}), kProtocol},
    {"push_promise_on_stream_0", frame(kPushPromise, kEndHeaders, 0, number(2, 4) + block(get())),
     kProtocol},
    {"push_promise_of_an_odd_stream",
     frame(kPushPromise, kEndHeaders, 1, number(3, 4) + block(get())), kProtocol},
    {"push_promise_short", frame(kPushPromise, kEndHeaders, 1, "abc"), kSize},
    {"ping_on_a_stream", frame(kPing, kNone, 1, "12345678"), kProtocol},
    {"ping_short", frame(kPing, kNone, 0, "1234567"), kSize},
    {"ping_long", frame(kPing, kNone, 0, "123456789"), kSize},
    {"ping_unexpected_ack", frame(kPing, kAck, 0, "12345678"), kOk},
    {"goaway_on_a_stream", frame(kGoaway, kNone, 1, number(0, 8)), kProtocol},
    {"goaway_short", frame(kGoaway, kNone, 0, "1234567"), kSize},
    {"goaway_with_text", frame(kGoaway, kNone, 0, number(0, 8) + "why"), kOk, Role::server},
    {"goaway_that_takes_back",
     frame(kGoaway, kNone, 0, number(1, 4) + number(0, 4)) +
         frame(kGoaway, kNone, 0, number(3, 4) + number(0, 4)),
     kProtocol, Role::client},
    {"window_update_0_for_the_connection", window_update(0, 0), kProtocol},
    {"window_update_0_for_a_stream", window_update(1, 0), kProtocol},
    {"window_update_overflow_of_the_connection", window_update(0, 0x7fffffff), kFlow},
    {"window_update_overflow_of_a_stream", window_update(1, 0x7fffffff),
     "stream FLOW_CONTROL_ERROR"},
    {"window_update_short", frame(kWindowUpdate, kNone, 1, "abc"), kSize},
    {"window_update_long", frame(kWindowUpdate, kNone, 1, "abcde"), kSize},
    {"window_update_reserved_bit", window_update(1, 0x80000001), kOk},
    {"continuation_larger_than_max_frame",
     headers(3, get(), kNone) + frame(kContinuation, kEndHeaders, 3, std::string(16385, 'x')),
     kSize, Role::server},
    {"continuation_on_stream_0", frame(kContinuation, kEndHeaders, 0), kProtocol},
    {"unknown_on_stream_0", frame(kUnknown, 0xff, 0, "x"), kOk},
    {"unknown_larger_than_max_frame", frame(kUnknown, kNone, 0, std::string(16385, 'x')), kSize},
    {"reserved_bit_of_the_stream", frame(kPing, kNone, 0x80000000, "12345678"), kOk},
};

INSTANTIATE_TEST_SUITE_P(, Http2Malformed, testing::ValuesIn(kMalformed),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Http2Preface, OurSettingsComeBeforeGoawayToo) {
  Http2Endpoint end(Role::server);
  EXPECT_FALSE(end.input(std::string(kMagic) + settings() + headers(1, {{":method", "GET"}})));
  const std::vector<Frame> said = parse(end.output());
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(said[0].type, kSettings);
  EXPECT_EQ(said[1].type, kGoaway);
}

TEST(Http2Windows, WhatIsSentWithinASettingsFrameIsNoFaultOfIt) {
  Http2Endpoint end(Role::server);
  end.input(std::string(kMagic) + settings() + frame(kSettings, kAck, 0));
  for (const std::uint32_t id : {1u, 3u, 5u}) end.input(headers(id, get()));
  end.output();
  const std::string change = settings({{4, 100000}});
  EXPECT_TRUE(end.input(std::string_view(change).substr(0, 9)));
  for (const int id : {1, 3, 5}) end.session.submit_headers(id, end.response(), true);
  EXPECT_TRUE(end.input(std::string_view(change).substr(9)));
  EXPECT_FALSE(end.session.failed());
}

}  // namespace
}  // namespace weir::http
