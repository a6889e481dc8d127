// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/grpc_call.hpp"

#include <gtest/gtest.h>

#include "tests/unit/http/http2_endpoint.hpp"

namespace weir::xds {
namespace {

using http::Http2Endpoint;
using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// A call and the server that it is made to.
class GrpcCallTest : public ::testing::Test {
 protected:
  void make(std::size_t most = kMostMessage) {
    call_.emplace(GrpcRequest{"/pkg.Service/Method", "control", {{"x-team", "mesh"}}, most},
                  http::Http2Options{});
    pass();
  }
  /// Bytes to and fro until both are silent.
  void pass() {
    for (int turn = 0; turn < 10000; ++turn) {
      const std::string there = call_->output(server_.now);
      if (!there.empty()) server_.input(there);
      const std::string back = server_.output();
      if (!back.empty()) call_->receive(back, server_.now);
      if (there.empty() && back.empty()) return;
    }
    FAIL() << "never silent";
  }
  void head(Fields fields, bool end = false) {
    server_.session.submit_headers(kStream, server_.fields(fields), end);
    pass();
  }
  void accept() { head({{":status", "200"}, {"content-type", "application/grpc"}}); }
  void data(const std::string& bytes, bool end = false) {
    server_.session.submit_data(kStream, http::bytes_of(bytes), end);
    pass();
  }
  void message(const std::string& text) { data(grpc_prefix(text.size()) + text); }
  void trailers(Fields fields) {
    server_.session.submit_trailers(kStream, server_.fields(fields));
    pass();
  }
  std::string next() { return call_->next_message().value_or("none"); }
  std::string end() {
    return call_->end() ? std::to_string(call_->end()->status) + " " + call_->end()->text : "open";
  }

  static constexpr std::int32_t kStream = 1;
  Http2Endpoint server_{Http2Endpoint::Role::server};
  std::optional<GrpcCall> call_;
};

TEST_F(GrpcCallTest, MessagesGoBothWays) {
  make();
  EXPECT_EQ(http::describe(server_.streams[kStream].maps.front()),
            ":method=POST|:scheme=http|:path=/pkg.Service/Method|:authority=control|te=trailers|"
            "content-type=application/grpc|user-agent=weir/" WEIR_VERSION "|x-team=mesh|");
  call_->send("hello");
  call_->send("");
  pass();
  EXPECT_EQ(server_.streams[kStream].body, grpc_prefix(5) + "hello" + grpc_prefix(0));
  accept();
  EXPECT_EQ(next(), "none");
  message("one");
  message("two");
  EXPECT_EQ(next(), "one");
  EXPECT_EQ(next(), "two");
  EXPECT_EQ(next(), "none");
  EXPECT_EQ(end(), "open");
}

TEST_F(GrpcCallTest, TrailersSayHowItEnded) {
  make();
  accept();
  message("last");
  trailers({{"grpc-status", "14"}, {"grpc-message", "not%20ready"}});
  EXPECT_EQ(end(), "14 UNAVAILABLE: not ready");
  EXPECT_EQ(next(), "last");
}

TEST_F(GrpcCallTest, TrailersMayBeAllThatComes) {
  make();
  head({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-status", "12"}}, true);
  EXPECT_EQ(end(), "12 UNIMPLEMENTED");
}

TEST_F(GrpcCallTest, AnOrdinaryEnd) {
  make();
  accept();
  trailers({{"grpc-status", "0"}});
  EXPECT_EQ(end(), "0 OK");
}

TEST_F(GrpcCallTest, AStatusThatIsNone) {
  make();
  accept();
  trailers({{"grpc-status", "x"}});
  EXPECT_EQ(end(), "2 UNKNOWN");
}

TEST_F(GrpcCallTest, WithoutAStatusItIsNoGoodEnd) {
  make();
  accept();
  data("", true);
  EXPECT_EQ(end(), "13 INTERNAL: the stream ended without grpc-status");
}

TEST_F(GrpcCallTest, TrailersWithoutAStatus) {
  make();
  accept();
  trailers({{"other", "1"}});
  EXPECT_EQ(end(), "13 INTERNAL: the stream ended without grpc-status");
}

TEST_F(GrpcCallTest, HalfAMessageAndOk) {
  make();
  accept();
  data(grpc_prefix(100) + "half");
  EXPECT_EQ(next(), "none");
  trailers({{"grpc-status", "0"}});
  EXPECT_EQ(end(), "13 INTERNAL: the last message is cut off");
}

TEST_F(GrpcCallTest, SomebodyElseAnswers) {
  make();
  head({{":status", "404"}, {"content-type", "text/html"}});
  EXPECT_EQ(end(), "12 UNIMPLEMENTED: HTTP status 404");
  data("<html>");
  EXPECT_EQ(next(), "none");
  EXPECT_TRUE(server_.streams[kStream].reset);
}

TEST_F(GrpcCallTest, NoGrpcBehindA200) {
  make();
  head({{":status", "200"}, {"content-type", "text/html"}});
  EXPECT_EQ(end(), "2 UNKNOWN: content-type 'text/html': no gRPC");
  call_->send("nobody reads it");
  pass();
  EXPECT_EQ(server_.streams[kStream].body, "");
}

TEST_F(GrpcCallTest, ATooLargeMessageEndsTheCallAndTheOnesBeforeStay) {
  make(10);
  accept();
  data(grpc_prefix(2) + "ok" + grpc_prefix(11));
  EXPECT_EQ(end(),
            "8 RESOURCE_EXHAUSTED: gRPC message of 11 bytes: more than 10 are not taken; see "
            "max_receive_message_length");
  EXPECT_EQ(next(), "ok");
  EXPECT_TRUE(server_.streams[kStream].reset);
}

TEST_F(GrpcCallTest, CompressionIsRefused) {
  make();
  head({{":status", "200"}, {"content-type", "application/grpc"}, {"grpc-encoding", "gzip"}});
  data(std::string("\x01\0\0\0\1x", 6));
  EXPECT_TRUE(end().starts_with("8 RESOURCE_EXHAUSTED: gRPC message: compressed")) << end();
}

TEST_F(GrpcCallTest, AResetEndsIt) {
  make();
  accept();
  server_.session.reset(kStream, http::Http2Error::enhance_your_calm);
  pass();
  EXPECT_EQ(end(), "14 UNAVAILABLE: the stream was reset: ENHANCE_YOUR_CALM");
}

TEST_F(GrpcCallTest, AClosedConnectionEndsIt) {
  make();
  accept();
  call_->closed("the control plane closed the connection");
  EXPECT_EQ(end(), "14 UNAVAILABLE: the control plane closed the connection");
}

TEST_F(GrpcCallTest, APeerThatSpeaksNoHttp2) {
  make();
  call_->receive("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", server_.now);
  static_cast<void>(call_->output(server_.now));
  EXPECT_TRUE(end().starts_with("14 UNAVAILABLE: the peer speaks no HTTP/2")) << end();
}

TEST_F(GrpcCallTest, FiftyMegabytesPassThroughTheWindow) {
  make();
  accept();
  const std::string large(std::size_t{50} << 20, 'x');
  message(large);
  EXPECT_EQ(next(), large);
  message("after");
  EXPECT_EQ(next(), "after");
}

TEST_F(GrpcCallTest, WhileMessagesWaitThePeerIsHeldBack) {
  make();
  accept();
  const std::string one = grpc_prefix(100000) + std::string(100000, 'x');
  for (int i = 0; i < 20; ++i) server_.session.submit_data(kStream, http::bytes_of(one), false);
  pass();
  // The first window, and no more.
  EXPECT_GT(server_.session.queued(kStream), std::size_t{1} << 20);
  int taken = 0;
  for (int turn = 0; turn < 40; ++turn) {
    if (call_->next_message())
      ++taken;
    else
      pass();
  }
  EXPECT_EQ(taken, 20);
  EXPECT_EQ(server_.session.queued(kStream), 0u);
}

TEST_F(GrpcCallTest, APeerThatDoesNotReadIsSeen) {
  http::Http2Options narrow;
  narrow.initial_stream_window = 65535;
  narrow.initial_connection_window = 65535;
  call_.emplace(GrpcRequest{"/a/b", "c", {}, kMostMessage}, http::Http2Options{});
  Http2Endpoint server(Http2Endpoint::Role::server, narrow);
  server.consume = false;
  for (int turn = 0; turn < 10; ++turn) {
    if (turn == 5) call_->send(std::string(500000, 'x'));
    server.input(call_->output(server.now));
    call_->receive(server.output(), server.now);
  }
  EXPECT_TRUE(call_->congested());
  EXPECT_EQ(end(), "open");
}

TEST_F(GrpcCallTest, APingIsAnswered) {
  make();
  EXPECT_TRUE(call_->ping_answered());
  call_->ping();
  EXPECT_FALSE(call_->ping_answered());
  pass();
  EXPECT_TRUE(call_->ping_answered());
}

TEST_F(GrpcCallTest, AGracefulEndOfTheServersLetsTheCallFinish) {
  make();
  accept();
  server_.session.goaway();
  pass();
  message("still");
  EXPECT_EQ(next(), "still");
  EXPECT_EQ(end(), "open");
  trailers({{"grpc-status", "0"}});
  EXPECT_EQ(end(), "0 OK");
}

}  // namespace
}  // namespace weir::xds
