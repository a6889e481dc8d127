// SPDX-License-Identifier: Apache-2.0
// Two HTTP/2 sessions back to back: messages, bodies, back-pressure, ends.
#include "proxy/http/http2_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/http/http2_endpoint.hpp"

namespace weir::http {
namespace {

using Role = Http2Session::Role;
using testing::ElementsAre;

class Http2Pair : public testing::Test {
 protected:
  void connect(const Http2Options& client_options = {}, const Http2Options& server_options = {}) {
    client = std::make_unique<Http2Endpoint>(Role::client, client_options);
    server = std::make_unique<Http2Endpoint>(Role::server, server_options);
    exchange(*client, *server);
  }
  void SetUp() override { connect(); }
  std::unique_ptr<Http2Endpoint> client;
  std::unique_ptr<Http2Endpoint> server;
};

TEST_F(Http2Pair, ARequestAndItsResponse) {
  int owner = 0;
  HeaderMap& request = client->fields({{"x-first", "1"},
                                       {":method", "GET"},
                                       {":scheme", "http"},
                                       {":authority", "weir.test"},
                                       {":path", "/a?b"},
                                       {"connection", "keep-alive"},
                                       {"te", "trailers"}});
  const auto id = client->session.submit_request(request, true, &owner);
  ASSERT_EQ(id, 1);
  EXPECT_EQ(client->session.user_data(id), &owner);
  exchange(*client, *server);
  SeenStream& seen = server->streams[1];
  EXPECT_EQ(describe(seen.maps.at(0)),
            ":method=GET|:scheme=http|:authority=weir.test|:path=/a?b|x-first=1|te=trailers|");
  EXPECT_THAT(seen.kinds, ElementsAre(HeadersKind::request));
  EXPECT_TRUE(seen.ended);
  EXPECT_EQ(seen.closed, 0);

  ASSERT_TRUE(server->session.submit_headers(1, server->response("200"), false));
  EXPECT_EQ(server->session.submit_data(1, bytes_of("hello "), false), 6u);
  EXPECT_EQ(server->session.submit_data(1, bytes_of("world"), true), 11u);
  EXPECT_EQ(server->session.queued(1), 11u);
  exchange(*client, *server);
  SeenStream& answer = client->streams[1];
  EXPECT_EQ(describe(answer.maps.at(0)), ":status=200|");
  EXPECT_EQ(answer.body, "hello world");
  EXPECT_TRUE(answer.ended);
  EXPECT_FALSE(answer.reset);
  EXPECT_EQ(answer.closed, 1);
  EXPECT_EQ(seen.closed, 1);
  EXPECT_EQ(client->last_owner, &owner);
  EXPECT_EQ(client->session.active_streams(), 0u);
  EXPECT_EQ(server->session.active_streams(), 0u);
  EXPECT_EQ(client->session.user_data(id), nullptr);
}

TEST_F(Http2Pair, InformationalResponsesThenTrailers) {
  client->session.submit_request(client->request(), false, nullptr);
  client->session.submit_data(1, bytes_of("body"), false);
  client->session.submit_trailers(1, client->fields({{"x-sum", "4"}}));
  exchange(*client, *server);
  SeenStream& seen = server->streams[1];
  EXPECT_EQ(seen.body, "body");
  EXPECT_TRUE(seen.ended);
  EXPECT_THAT(seen.kinds, ElementsAre(HeadersKind::request, HeadersKind::trailers));
  EXPECT_EQ(describe(seen.maps.at(1)), "x-sum=4|");

  server->session.submit_informational(1, server->response("103"));
  server->session.submit_headers(1, server->response("200"), false);
  server->session.submit_trailers(1, server->fields({{"grpc-status", "0"}}));
  exchange(*client, *server);
  SeenStream& answer = client->streams[1];
  EXPECT_THAT(answer.kinds, ElementsAre(HeadersKind::informational, HeadersKind::response,
                                        HeadersKind::trailers));
  EXPECT_EQ(answer.maps.at(0).get(HeaderId::status), "103");
  EXPECT_EQ(answer.maps.at(1).get(HeaderId::status), "200");
  EXPECT_EQ(answer.maps.at(2).get(HeaderId::grpc_status), "0");
  EXPECT_EQ(answer.closed, 1);
}

TEST_F(Http2Pair, CookiesBecomeOneAndHostBecomesAuthority) {
  HeaderMap& request = client->fields({{":method", "GET"},
                                       {":scheme", "http"},
                                       {":path", "/"},
                                       {"host", "other.test"},
                                       {"cookie", "a=1"},
                                       {"x", "y"},
                                       {"cookie", "b=2"},
                                       {"cookie", ""},
                                       {"cookie", "c=3"}});
  client->session.submit_request(request, true, nullptr);
  exchange(*client, *server);
  const HeaderMap& map = server->streams[1].maps.at(0);
  EXPECT_EQ(map.get(HeaderId::cookie), "a=1; b=2; ; c=3");
  EXPECT_EQ(map.count("cookie"), 1u);
  EXPECT_EQ(map.get(HeaderId::authority), "other.test");
  EXPECT_FALSE(map.has(HeaderId::host));
}

TEST_F(Http2Pair, ALargeBodyGoesThroughSmallBuffersWhole) {
  connect({.initial_stream_window = 65535, .initial_connection_window = 65535},
          {.initial_stream_window = 65535, .initial_connection_window = 65535});
  std::string body(3'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  server->session.submit_headers(1, server->response(), false);
  server->session.submit_data(1, bytes_of(body), true);
  for (int turn = 0; turn < 20000 && client->streams[1].closed == 0; ++turn) {
    std::array<std::byte, 3000> buffer;
    const std::size_t size = server->session.produce(buffer, server->now);
    ASSERT_TRUE(client->session.receive(std::span(buffer).first(size), client->now));
    server->input(client->output());
  }
  EXPECT_EQ(client->streams[1].body, body);
  EXPECT_TRUE(client->streams[1].ended);
  EXPECT_EQ(server->streams[1].writable, 1);
}

TEST_F(Http2Pair, WhatIsNotConsumedHoldsThePeerBack) {
  connect({.initial_stream_window = 65535, .initial_connection_window = 200000}, {});
  client->consume = false;
  client->session.submit_request(client->request(), true, nullptr);
  client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  const std::string body(100'000, 'x');
  for (const int id : {1, 3}) {
    server->session.submit_headers(id, server->response(), false);
    server->session.submit_data(id, bytes_of(body), true);
  }
  exchange(*client, *server);
  EXPECT_EQ(client->streams[1].body.size(), 65535u);
  EXPECT_EQ(client->streams[3].body.size(), 65535u);
  EXPECT_EQ(server->session.queued(1), 100'000u - 65535u);
  client->session.consume(1, 65535);
  exchange(*client, *server);
  EXPECT_EQ(client->streams[1].body.size(), 100'000u);
  EXPECT_TRUE(client->streams[1].ended);
  EXPECT_EQ(client->streams[3].body.size(), 65535u);
}

TEST_F(Http2Pair, AWindowThatTheOwnerNeverGaveBackReturnsWithTheStream) {
  connect({.initial_stream_window = 65535, .initial_connection_window = 65535}, {});
  client->consume = false;
  const std::string body(30'000, 'x');
  for (int i = 0; i < 20; ++i) {
    const auto id = client->session.submit_request(client->request(), true, nullptr);
    exchange(*client, *server);
    server->session.submit_headers(id, server->response(), false);
    server->session.submit_data(id, bytes_of(body), true);
    exchange(*client, *server);
    ASSERT_EQ(client->streams[id].body.size(), body.size()) << i;
    ASSERT_EQ(client->streams[id].closed, 1) << i;
  }
}

TEST_F(Http2Pair, AResetReachesThePeer) {
  client->session.submit_request(client->request(), false, nullptr);
  exchange(*client, *server);
  client->session.reset(1, Http2Error::cancel);
  EXPECT_FALSE(client->streams[1].closed);
  exchange(*client, *server);
  EXPECT_FALSE(client->streams[1].reset);  // it knows
  EXPECT_EQ(client->streams[1].closed, 1);
  EXPECT_TRUE(server->streams[1].reset);
  EXPECT_TRUE(server->streams[1].why.by_peer);
  EXPECT_EQ(server->streams[1].why.code, Http2Error::cancel);
  EXPECT_EQ(server->streams[1].why.details, "http2.remote_reset");
  EXPECT_EQ(server->streams[1].closed, 1);
  EXPECT_FALSE(server->session.submit_headers(1, server->response(), true));
  EXPECT_EQ(server->session.submit_data(1, bytes_of("x"), true), 0u);
}

TEST_F(Http2Pair, ARequestThatWasNotSentYetCanBeTakenBack) {
  connect({}, {.max_concurrent_streams = 1});
  client->session.submit_request(client->request(), true, nullptr);
  EXPECT_FALSE(client->session.may_open_stream());
  const auto second = client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  EXPECT_EQ(server->streams.size(), 1u);
  client->session.reset(second, Http2Error::cancel);
  server->session.submit_headers(1, server->response(), true);
  exchange(*client, *server);
  EXPECT_EQ(client->streams[second].closed, 1);
  EXPECT_EQ(server->streams.size(), 1u);
  EXPECT_EQ(client->session.active_streams(), 0u);
  EXPECT_TRUE(client->session.may_open_stream());
}

// A pool waits for the end of a stream in order to open another.
TEST_F(Http2Pair, TheEndOfAStreamMakesRoomForAnother) {
  struct Waiting : Http2Endpoint {
    using Http2Endpoint::Http2Endpoint;
    void on_stream_closed(std::int32_t stream, void* owner) override {
      Http2Endpoint::on_stream_closed(stream, owner);
      if (session.may_open_stream()) session.submit_request(request("/next"), true, nullptr);
    }
  };
  auto waiting = std::make_unique<Waiting>(Role::client);
  Http2Endpoint& one = *waiting;
  client = std::move(waiting);
  server = std::make_unique<Http2Endpoint>(Role::server, Http2Options{.max_concurrent_streams = 1});
  exchange(one, *server);
  one.session.submit_request(one.request(), true, nullptr);
  for (int id = 1; id < 20; id += 2) {
    exchange(one, *server);
    ASSERT_TRUE(server->session.submit_headers(id, server->response(), true)) << id;
  }
}

TEST_F(Http2Pair, ManyResetsOfOurOwnAreNoFlood) {
  connect({.max_outbound_control_frames = 10}, {});
  for (int i = 0; i < 50; ++i) client->session.submit_request(client->request(), false, nullptr);
  exchange(*client, *server);
  for (int i = 0; i < 50; ++i) client->session.reset(2 * i + 1, Http2Error::cancel);
  exchange(*client, *server);
  EXPECT_FALSE(client->session.failed());
  EXPECT_EQ(server->session.active_streams(), 0u);
}

TEST_F(Http2Pair, ARefusedStreamLeavesNothing) {
  server->refuse = true;
  client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  EXPECT_TRUE(client->streams[1].reset);
  EXPECT_EQ(client->streams[1].why.code, Http2Error::refused_stream);
  EXPECT_EQ(client->streams[1].why.details, "http2.remote_refuse");
  EXPECT_EQ(server->session.active_streams(), 0u);
  server->refuse = false;
  client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  EXPECT_THAT(server->streams[3].kinds, ElementsAre(HeadersKind::request));
}

TEST_F(Http2Pair, AGracefulEnd) {
  client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  server->session.shutdown_notice();
  exchange(*client, *server);
  EXPECT_EQ(client->goaway_last, INT32_MAX);
  EXPECT_FALSE(client->session.may_open_stream());
  EXPECT_EQ(client->session.submit_request(client->request(), true, nullptr), -1);
  server->session.goaway();
  exchange(*client, *server);
  EXPECT_EQ(client->goaway_last, 1);
  EXPECT_FALSE(server->session.finished());
  server->session.submit_headers(1, server->response(), true);
  exchange(*client, *server);
  EXPECT_TRUE(server->session.finished());
  EXPECT_TRUE(client->session.finished());
  EXPECT_FALSE(server->session.failed());
}

TEST_F(Http2Pair, StreamsAboveTheLastOfAGoawayAreRefused) {
  client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  for (int i = 0; i < 3; ++i) client->session.submit_request(client->request(), true, nullptr);
  client->output();  // lost on the way
  const auto late = client->session.submit_request(client->request(), true, nullptr);
  server->session.goaway();
  client->input(server->output());
  client->output();
  for (const std::int32_t id : {3, 5, 7, static_cast<int>(late)}) {
    EXPECT_TRUE(client->streams[id].reset) << id;
    EXPECT_EQ(client->streams[id].why.code, Http2Error::refused_stream) << id;
    EXPECT_EQ(client->streams[id].closed, 1) << id;
  }
  EXPECT_EQ(client->session.active_streams(), 1u);
  EXPECT_TRUE(client->session.goaway_received());
  EXPECT_TRUE(server->session.goaway_sent());
  server->session.submit_headers(1, server->response(), true);
  client->input(server->output());
  EXPECT_EQ(client->streams[1].closed, 1);
  EXPECT_TRUE(client->session.finished());
}

TEST_F(Http2Pair, AnIdlePairAsksForNothing) {
  EXPECT_FALSE(client->session.wants_write());
  EXPECT_FALSE(server->session.wants_write());
  EXPECT_FALSE(client->session.finished());
  EXPECT_EQ(client->output(), "");
  client->session.submit_request(client->request(), false, nullptr);
  exchange(*client, *server);
  EXPECT_FALSE(client->session.wants_write());  // its body waits for the owner
  EXPECT_FALSE(server->session.wants_write());
}

TEST_F(Http2Pair, PingComesBack) {
  client->session.ping(0x0123456789abcdef);
  exchange(*client, *server);
  EXPECT_THAT(client->ping_acks, ElementsAre(0x0123456789abcdefULL));
}

TEST_F(Http2Pair, TerminateEndsAtOnce) {
  client->session.submit_request(client->request(), true, nullptr);
  exchange(*client, *server);
  server->session.terminate(Http2Error::enhance_your_calm);
  exchange(*client, *server);
  EXPECT_TRUE(server->session.finished());
  EXPECT_EQ(client->goaway_code, Http2Error::enhance_your_calm);
}

}  // namespace
}  // namespace weir::http
