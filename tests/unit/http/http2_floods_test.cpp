// SPDX-License-Identifier: Apache-2.0
// What a peer can send to keep us busy: each flood meets its limit, and one less does not.
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/http/http2_endpoint.hpp"
#include "tests/unit/http/http2_frames.hpp"

namespace weir::http {
namespace {

using namespace raw;  // NOLINT: frames are the subject
using Role = Http2Session::Role;

std::string times(std::size_t count, std::string_view bytes) {
  std::string all;
  while (count-- > 0) all += bytes;
  return all;
}

class Http2Floods : public testing::Test {
 protected:
  void start(const Http2Options& options = {}) {
    server = std::make_unique<Http2Endpoint>(Role::server, options);
    server->input(std::string(kMagic) + settings() + frame(kSettings, kAck, 0));
    server->output();
  }
  void SetUp() override { start(); }
  void expect_end(std::string_view details) {
    EXPECT_TRUE(server->session.failed());
    EXPECT_EQ(server->session.details(), details);
    EXPECT_EQ(server->session.error(), Http2Error::enhance_your_calm);
    const auto frames = parse(server->output());
    ASSERT_FALSE(frames.empty());
    EXPECT_EQ(frames.back().type, kGoaway);
    EXPECT_TRUE(server->session.finished());
    EXPECT_FALSE(server->input(frame(kPing, kNone, 0, "12345678")));
  }
  std::unique_ptr<Http2Endpoint> server;
};

TEST_F(Http2Floods, EmptyFrames) {
  server->input(headers(1, get(), kEndHeaders));
  EXPECT_TRUE(server->input(frame(kData, kNone, 1) + frame(kData, kNone, 1, "x")));
  EXPECT_TRUE(server->input(frame(kData, kNone, 1)));
  EXPECT_FALSE(server->input(frame(kData, kNone, 1)));
  expect_end("http2.inbound_empty_frames_flood");
}

TEST_F(Http2Floods, EmptyFramesOfPadding) {
  const std::string padding = frame(kData, kPadded, 1, std::string("\x02\0\0", 3));
  server->input(headers(1, get(), kEndHeaders));
  EXPECT_FALSE(server->input(padding + padding));
  expect_end("http2.inbound_empty_frames_flood");
}

TEST_F(Http2Floods, EmptyContinuations) {
  EXPECT_FALSE(server->input(headers(1, get(), kNone) + times(2, frame(kContinuation, kNone, 1))));
  expect_end("http2.inbound_empty_frames_flood");
}

TEST_F(Http2Floods, ContinuationsWithoutEnd) {
  server->input(headers(1, get(), kNone));
  const std::string one = frame(kContinuation, kNone, 1, literal("x", "y"));
  int sent = 0;
  while (sent < 2000 && server->input(one)) {
    ++sent;
    server->output();
    if (server->session.failed()) break;
  }
  EXPECT_GT(sent, 300);
  EXPECT_LT(sent, 600);
  EXPECT_TRUE(server->session.failed());
}

TEST_F(Http2Floods, Priorities) {
  const std::string one = frame(kPriority, kNone, 1, number(0, 4) + '\x10');
  EXPECT_TRUE(server->input(times(100, one)));
  EXPECT_FALSE(server->input(one));
  expect_end("http2.inbound_priority_frames_flood");
}

TEST_F(Http2Floods, PrioritiesGrowWithStreams) {
  server->input(headers(1, get()) + headers(3, get()));
  const std::string one = frame(kPriority, kNone, 1, number(0, 4) + '\x10');
  EXPECT_TRUE(server->input(times(300, one)));
  EXPECT_FALSE(server->input(one));
}

TEST_F(Http2Floods, WindowUpdates) {
  EXPECT_TRUE(server->input(times(5, window_update(0, 1))));
  EXPECT_FALSE(server->input(window_update(0, 1)));
  expect_end("http2.inbound_window_update_frames_flood");
}

TEST_F(Http2Floods, WindowUpdatesGrowWithData) {
  server->input(headers(1, get()));
  server->session.submit_headers(1, server->response(), false);
  server->session.submit_data(1, bytes_of("x"), false);
  server->output();
  EXPECT_TRUE(server->input(times(5 + 2 * 11, window_update(0, 1))));
  EXPECT_FALSE(server->input(window_update(0, 1)));
}

TEST_F(Http2Floods, PingsThatNobodyReads) {
  EXPECT_TRUE(server->input(times(1000, frame(kPing, kNone, 0, "12345678"))));
  EXPECT_FALSE(server->input(times(2, frame(kPing, kNone, 0, "12345678"))));
  expect_end("http2.outbound_control_flood");
}

TEST_F(Http2Floods, PingsThatSomebodyReads) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(server->input(times(500, frame(kPing, kNone, 0, "12345678"))));
    EXPECT_EQ(parse(server->output()).size(), 500u);
  }
}

TEST_F(Http2Floods, SettingsThatNobodyReads) {
  EXPECT_TRUE(server->input(times(1000, settings())));
  EXPECT_FALSE(server->input(times(2, settings())));
  expect_end("http2.outbound_control_flood");
}

TEST_F(Http2Floods, ResetsThatNobodyReads) {
  start({.max_concurrent_streams = 5000, .max_outbound_control_frames = 50});
  server->refuse = true;
  bool alive = true;
  for (std::uint32_t id = 1; id < 200 && alive; id += 2) alive = server->input(headers(id, get()));
  EXPECT_FALSE(alive);
  expect_end("http2.outbound_control_flood");
}

TEST_F(Http2Floods, ResponsesThatNobodyReads) {
  start({.max_concurrent_streams = 5000, .max_outbound_frames = 100});
  bool alive = true;
  for (std::uint32_t id = 1; id < 400 && alive; id += 2) {
    alive = server->input(headers(id, get()));
    server->session.submit_headers(static_cast<std::int32_t>(id), server->response(), true);
  }
  EXPECT_FALSE(alive);
  expect_end("http2.outbound_frames_flood");
}

TEST_F(Http2Floods, RapidResets) {
  bool alive = true;
  int sent = 0;
  for (std::uint32_t id = 1; sent < 600 && alive; id += 2, ++sent) {
    alive = server->input(headers(id, get(), kEndHeaders) + rst_stream(id, 8));
    server->output();
  }
  EXPECT_EQ(sent, 250);  // half of 500: good ones cannot outweigh them any more
  EXPECT_EQ(server->session.details(), "too_many_premature_resets");
  EXPECT_TRUE(server->session.finished());
}

TEST_F(Http2Floods, ResetsOfOldStreamsAreFine) {
  std::uint32_t id = 1;
  for (int i = 0; i < 1000; ++i, id += 2) {
    ASSERT_TRUE(server->input(headers(id, get(), kEndHeaders)));
    server->now += 1001ms;
    ASSERT_TRUE(server->input(rst_stream(id, 8)));
    server->output();
  }
}

TEST_F(Http2Floods, FewerResetsThanHalfAreFine) {
  std::uint32_t id = 1;
  for (int i = 0; i < 1000; ++i) {
    for (int n = 0; n < 2; ++n, id += 2) {
      ASSERT_TRUE(server->input(headers(id, get())));
      server->session.submit_headers(static_cast<std::int32_t>(id), server->response(), true);
      server->output();
    }
    ASSERT_TRUE(server->input(headers(id, get(), kEndHeaders) + rst_stream(id, 8)));
    id += 2;
  }
}

// The peer breaks its own streams, so that it is we who reset them.
TEST_F(Http2Floods, ResetsThatThePeerProvokes) {
  start({.stream_error_on_invalid_message = true});
  bool alive = true;
  int sent = 0;
  for (std::uint32_t id = 1; sent < 600 && alive; id += 2, ++sent) {
    alive = server->input(headers(id, with(get(), "connection", "close")));
    server->output();
    alive = alive && !server->session.failed();
  }
  EXPECT_EQ(sent, 250);
  EXPECT_EQ(server->session.details(), "too_many_premature_resets");
}

TEST_F(Http2Floods, MoreStreamsThanAllowed) {
  start({.max_concurrent_streams = 10});
  std::string bytes;
  for (std::uint32_t id = 1; id < 22; id += 2) bytes += headers(id, get(), kEndHeaders);
  server->input(bytes);
  server->output();
  EXPECT_EQ(server->session.active_streams(), 10u);
  EXPECT_TRUE(server->session.failed());  // it had acknowledged the limit
  EXPECT_EQ(server->session.error(), Http2Error::protocol_error);
}

TEST_F(Http2Floods, MoreStreamsThanAllowedBeforeThePeerCanKnow) {
  server =
      std::make_unique<Http2Endpoint>(Role::server, Http2Options{.max_concurrent_streams = 10});
  std::string bytes = std::string(kMagic) + settings();
  for (std::uint32_t id = 1; id < 22; id += 2) bytes += headers(id, get(), kEndHeaders);
  EXPECT_TRUE(server->input(bytes));
  EXPECT_EQ(server->session.active_streams(), 10u);
  bool refused = false;
  for (const Frame& one : parse(server->output()))
    refused =
        refused || (one.type == kRstStream && one.stream == 21 && read_number(one.payload) == 7);
  EXPECT_TRUE(refused);
}

TEST_F(Http2Floods, WindowOfZeroHoldsNothingButTheQueue) {
  server->input(settings({{4, 0}}));
  server->input(headers(1, get()));
  server->session.submit_headers(1, server->response(), false);
  EXPECT_EQ(server->session.submit_data(1, bytes_of(std::string(100'000, 'x')), false), 100'000u);
  server->output();
  EXPECT_EQ(server->session.queued(1), 100'000u);
  server->input(rst_stream(1, 8));
  EXPECT_EQ(server->session.queued(1), 0u);
  EXPECT_EQ(server->session.active_streams(), 0u);
}

TEST_F(Http2Floods, APushIsNeverTaken) {
  Http2Endpoint client(Role::client);
  client.session.submit_request(client.request(), true, nullptr);
  client.output();
  // Before it could know that pushes are off; then when it must know.
  const auto push = [](std::uint32_t promised) {
    return frame(kPushPromise, kEndHeaders, 1, number(promised, 4) + block(get()));
  };
  client.input(settings() + push(2));
  bool refused = false;
  for (const Frame& one : parse(client.output()))
    refused = refused || (one.type == kRstStream && one.stream == 2);
  EXPECT_TRUE(refused);
  EXPECT_FALSE(client.session.failed());
  client.input(frame(kSettings, kAck, 0) + push(4));
  client.output();
  EXPECT_EQ(client.session.error(), Http2Error::protocol_error);
}

}  // namespace
}  // namespace weir::http
