// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/http2_check.hpp"

#include <gtest/gtest.h>

#include "proxy/upstream/health/grpc_health.hpp"
#include "tests/unit/http/http2_endpoint.hpp"

namespace weir::upstream {
namespace {

using config::HealthCheckConfig;
using http::Arena;
using http::ArenaPool;
using http::HeaderMap;
using http::Http2Endpoint;
using Kind = CheckResult::Kind;
using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

/// A check and the server that it asks.
class Http2CheckTest : public ::testing::Test {
 protected:
  void make(HealthCheckConfig config) {
    config_ = std::move(config);
    check_ = std::make_unique<Http2Check>(config_, "orders");
  }
  void to_server(const std::string& bytes) {
    EXPECT_TRUE(server_.session.receive(http::bytes_of(bytes), {}));
  }
  /// Begins a check; the server has the request then.
  http::SeenStream& ask() {
    to_server(check_->begin());
    return server_.streams.rbegin()->second;
  }
  std::int32_t stream() const { return server_.streams.rbegin()->first; }
  void answer(const Fields& fields, bool end) {
    HeaderMap& headers = map(fields);
    ASSERT_TRUE(server_.session.submit_headers(stream(), headers, end));
  }
  void trailers(const Fields& fields) {
    ASSERT_TRUE(server_.session.submit_trailers(stream(), map(fields)));
  }
  void body(std::string_view bytes, bool end) {
    server_.session.submit_data(stream(), http::bytes_of(bytes), end);
  }
  /// What the check makes of all that the server has to send.
  std::optional<CheckResult> result() {
    std::array<std::byte, 65536> buffer;
    const auto size = server_.session.produce(buffer, {});
    const auto found = check_->feed({reinterpret_cast<const char*>(buffer.data()), size});
    to_server(check_->take_output());
    return found;
  }
  std::string kind() {
    const auto found = result();
    if (!found) return "waits";
    return found->kind == Kind::passed     ? "passed"
           : found->kind == Kind::degraded ? "degraded"
           : found->kind == Kind::refused  ? "refused: " + found->reason
           : found->kind == Kind::network  ? "network: " + found->reason
                                           : "?";
  }

  HealthCheckConfig config_;
  std::unique_ptr<Http2Check> check_;
  Http2Endpoint server_{Http2Endpoint::Role::server};

 private:
  HeaderMap& map(const Fields& fields) {
    HeaderMap& made = maps_.emplace_back(arena_);
    for (const auto& [name, value] : fields) made.add(name, value);
    return made;
  }
  ArenaPool pool_;
  Arena arena_{pool_};
  std::deque<HeaderMap> maps_;
};

HealthCheckConfig http2() {
  HealthCheckConfig config;
  config.kind = HealthCheckConfig::Kind::http;
  config.http2 = true;
  config.path = "/healthz";
  return config;
}

HealthCheckConfig grpc(std::string service = "") {
  HealthCheckConfig config;
  config.kind = HealthCheckConfig::Kind::grpc;
  config.http2 = true;
  config.grpc_service = std::move(service);
  return config;
}

std::string response(char status) { return std::string("\0\0\0\0\2\x08", 6) + status; }

TEST_F(Http2CheckTest, TheStatusDecidesAndTheConnectionStays) {
  auto config = http2();
  config.request_headers = {{"x-check", "weir"}};
  make(config);
  EXPECT_EQ(http::describe(ask().maps.front()),
            ":method=GET|:scheme=http|:path=/healthz|:authority=orders|user-agent=Envoy/HC|"
            "x-check=weir|");
  answer({{":status", "200"}}, true);
  EXPECT_EQ(kind(), "passed");
  EXPECT_TRUE(check_->keeps_open());
  ask();
  answer({{":status", "503"}, {"content-length", "2"}}, false);
  EXPECT_EQ(kind(), "waits");
  body("no", true);
  EXPECT_EQ(kind(), "refused: GET /healthz answered 503");
  ask();
  answer({{":status", "200"}, {"x-envoy-degraded", "1"}}, true);
  EXPECT_EQ(kind(), "degraded");
  EXPECT_EQ(server_.streams.size(), 3u);
}

TEST_F(Http2CheckTest, ThePeersHouseKeepingIsNoResult) {
  make(http2());
  ask();
  answer({{":status", "200"}}, true);
  EXPECT_EQ(kind(), "passed");
  server_.session.ping(1);
  EXPECT_EQ(kind(), "waits");
  EXPECT_TRUE(check_->keeps_open());
  server_.session.goaway();
  EXPECT_EQ(kind(), "waits");
  EXPECT_FALSE(check_->keeps_open());
}

TEST_F(Http2CheckTest, AResetAndRubbishAreNetworkFailures) {
  make(http2());
  ask();
  server_.session.reset(stream(), http::Http2Error::refused_stream);
  EXPECT_EQ(kind(), "network: the stream was reset: REFUSED_STREAM");
  make(http2());
  static_cast<void>(check_->begin());
  const auto found = check_->feed("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::network);
  EXPECT_FALSE(check_->keeps_open());
}

TEST_F(Http2CheckTest, GrpcAsksTheHealthService) {
  make(grpc("shop"));
  auto& seen = ask();
  EXPECT_EQ(http::describe(seen.maps.front()),
            ":method=POST|:scheme=http|:path=/grpc.health.v1.Health/Check|:authority=orders|"
            "te=trailers|content-type=application/grpc|user-agent=Envoy/HC|");
  EXPECT_EQ(seen.body, std::string("\0\0\0\0\6\x0a\4shop", 11));
  answer({{":status", "200"}, {"content-type", "application/grpc"}}, false);
  body(response(1), false);
  trailers({{"grpc-status", "0"}});
  EXPECT_EQ(kind(), "passed");
}

TEST_F(Http2CheckTest, GrpcAnswersThatSayNo) {
  make(grpc());
  const auto of = [&](const std::string& message, std::string_view status) {
    ask();
    answer({{":status", "200"}, {"content-type", "application/grpc"}}, false);
    if (!message.empty()) body(message, false);
    trailers({{"grpc-status", status}});
    return kind();
  };
  EXPECT_EQ(of(response(2), "0"), "refused: the health service says NOT_SERVING");
  EXPECT_EQ(of(response(9), "0"), "refused: the health service says an unknown status");
  EXPECT_EQ(of(std::string(5, '\0'), "0"), "refused: the health service says UNKNOWN");
  EXPECT_EQ(of("", "12"), "refused: the health service answered grpc-status 12");
  EXPECT_EQ(of("", "0"), "refused: the health service's answer is not a HealthCheckResponse");
  ask();
  answer({{":status", "200"}, {"grpc-status", "5"}}, true);  // trailers only
  EXPECT_EQ(kind(), "refused: the health service answered grpc-status 5");
  ask();
  answer({{":status", "404"}}, true);
  EXPECT_EQ(kind(), "refused: the health service answered HTTP 404");
}

TEST(GrpcHealth, Messages) {
  EXPECT_EQ(encode_health_request(""), std::string(5, '\0'));
  const auto decode = [](std::string_view message, char flags = '\0') {
    std::string body(1, flags);
    body += std::string("\0\0\0", 3) + static_cast<char>(message.size());
    return decode_health_response(body += message);
  };
  EXPECT_EQ(decode("\x08\x01"), 1u);
  EXPECT_EQ(decode(""), 0u);
  EXPECT_EQ(decode(std::string_view("\x12\3abc\x19"
                                    "12345678\x25"
                                    "1234\x30\x80\x01\x08\x02",
                                    24)),
            2u)
      << "fields that we do not know";
  EXPECT_EQ(decode("\x08\x81\x01"), 129u);
  EXPECT_EQ(decode("\x08\x01", '\1'), std::nullopt) << "compressed";
  EXPECT_EQ(decode("\x08"), std::nullopt);
  EXPECT_EQ(decode("\x12\x7f"), std::nullopt);
  EXPECT_EQ(decode("\x0b"), std::nullopt) << "groups";
  EXPECT_EQ(decode_health_response(std::string("\0\0\0\0\3\x08\x01", 7)), std::nullopt)
      << "cut off";
  EXPECT_EQ(decode_health_response(""), std::nullopt);
}

}  // namespace
}  // namespace weir::upstream
