// SPDX-License-Identifier: Apache-2.0
// The fault filter, against what Envoy 1.40 does.
#include "proxy/filters/http/fault/fault.hpp"

#include <gtest/gtest.h>

#include "proxy/filters/http/fault/response_pace.hpp"
#include "tests/unit/filters/fake_http_host.hpp"

namespace weir::filters {
namespace {

using std::chrono::milliseconds;
constexpr route::Fraction kAlways{100, 100};
constexpr const char* kName = "envoy.filters.http.fault";

struct Fault : testing::Test {
  FakeHttpStream& start(const HeaderPairs& headers = {}) {
    if (factory == nullptr) {
      factory = std::make_unique<FaultFactory>(settings);
      instance = host.instantiate(*factory, kName);
    }
    auto stream = std::make_unique<FakeHttpStream>(host.worker);
    stream->chosen_route = &forwarding;
    if (of_route) stream->route_filters[kName] = {of_route.get()};
    stream->cluster = cluster;
    EXPECT_TRUE(stream->use(*instance));
    streams.push_back(std::move(stream));
    streams.back()->get("/", headers);
    return *streams.back();
  }
  void set_abort(FaultAbort::Kind kind, std::uint32_t status = 0) {
    settings.abort.emplace();
    settings.abort->kind = kind;
    settings.abort->status = status;
    settings.abort->share = kAlways;
  }
  void set_delay(std::optional<milliseconds> delay) { settings.delay = {delay, kAlways}; }

  FakeHttpHost host;
  FaultSettings settings;
  std::unique_ptr<RouteFault> of_route;
  route::Route forwarding;
  std::string cluster;
  std::unique_ptr<FaultFactory> factory;
  std::unique_ptr<HttpFilterInstance> instance;
  std::vector<std::unique_ptr<FakeHttpStream>> streams;  // before the instance
};

TEST_F(Fault, Aborts) {
  set_abort(FaultAbort::Kind::http, 503);
  const FakeHttpStream& stream = start();
  ASSERT_TRUE(stream.replied);
  EXPECT_EQ(stream.replied->status, 503);
  EXPECT_EQ(stream.replied->body, "fault filter abort");
  EXPECT_EQ(stream.replied->details, "fault_filter_abort");
  EXPECT_EQ(stream.flags.to_string(), "FI");
  EXPECT_FALSE(stream.replied->grpc_status);
  EXPECT_FALSE(stream.request.headers_passed);
  EXPECT_EQ(host.counter("fault.aborts_injected"), 1u);
  EXPECT_EQ(host.gauge("fault.active_faults"), 1);
  streams.clear();
  EXPECT_EQ(host.gauge("fault.active_faults"), 0);
}

TEST_F(Fault, AbortsWithAStatusOfGrpcAndABodyOfItsOwn) {
  set_abort(FaultAbort::Kind::grpc, 5);
  settings.abort->body = "no";
  const FakeHttpStream& stream = start();
  ASSERT_TRUE(stream.replied);
  EXPECT_EQ(stream.replied->status, 200);
  EXPECT_EQ(stream.replied->grpc_status, 5u);
  EXPECT_EQ(stream.replied->body, "no");
}

TEST_F(Fault, Delays) {
  set_delay(milliseconds(200));
  const FakeHttpStream& stream = start();
  EXPECT_FALSE(stream.request.headers_passed);
  EXPECT_EQ(stream.flags.to_string(), "DI");
  EXPECT_EQ(host.counter("fault.delays_injected"), 1u);
  EXPECT_EQ(host.gauge("fault.active_faults"), 1);
  host.worker.advance(milliseconds(190));
  EXPECT_FALSE(stream.request.headers_passed);
  host.worker.advance(milliseconds(20));
  EXPECT_TRUE(stream.request.ended);
  EXPECT_EQ(host.counter("fault.aborts_injected"), 0u);
}

TEST_F(Fault, AbortsAfterTheDelay) {
  set_delay(milliseconds(200));
  set_abort(FaultAbort::Kind::http, 555);
  const FakeHttpStream& stream = start();
  EXPECT_FALSE(stream.replied);
  host.worker.advance(milliseconds(210));
  ASSERT_TRUE(stream.replied);
  EXPECT_EQ(stream.replied->status, 555);
  EXPECT_EQ(stream.flags.to_string(), "DI,FI");
  EXPECT_EQ(host.gauge("fault.active_faults"), 1);  // two faults of one request are one
}

TEST_F(Fault, AStreamThatEndsTakesItsTimerAlong) {
  set_delay(milliseconds(200));
  start().end();
  host.worker.advance(milliseconds(300));
  EXPECT_EQ(host.gauge("fault.active_faults"), 0);
}

TEST_F(Fault, WithoutAShareNothingHappens) {
  set_abort(FaultAbort::Kind::http, 503);
  settings.abort->share = {};
  set_delay(milliseconds(200));
  settings.delay->share = {};
  EXPECT_TRUE(start().request.ended);
}

TEST_F(Fault, TheShareIsThatOfTheRandomNumbers) {
  set_abort(FaultAbort::Kind::http, 503);
  settings.abort->share = {25, 100};
  host.worker.seed(7);
  int aborted = 0;
  for (int i = 0; i < 1000; ++i) aborted += start().replied ? 1 : 0;
  EXPECT_GT(aborted, 200);
  EXPECT_LT(aborted, 300);
  upstream::Random random(7);
  int expected = 0;
  for (int i = 0; i < 1000; ++i) expected += random.next() % 100 < 25 ? 1 : 0;
  EXPECT_EQ(aborted, expected);
}

TEST_F(Fault, HeadersSayTheAbort) {
  set_abort(FaultAbort::Kind::header);
  EXPECT_EQ(start({{"x-envoy-fault-abort-request", "404"}}).replied->status, 404);
  EXPECT_EQ(start({{"x-envoy-fault-abort-request", " +404 "}}).replied->status, 404);
  for (const char* text : {"199", "600", "", "4x", "-404", "99999999999999999999"})
    EXPECT_TRUE(start({{"x-envoy-fault-abort-request", text}}).request.ended) << text;
  const FakeHttpStream& grpc = start({{"x-envoy-fault-abort-grpc-request", "5"}});
  EXPECT_EQ(grpc.replied->status, 200);
  EXPECT_EQ(grpc.replied->grpc_status, 5u);
  EXPECT_EQ(
      start({{"x-envoy-fault-abort-grpc-request", "5"}, {"x-envoy-fault-abort-request", "404"}})
          .replied->status,
      404);
  EXPECT_TRUE(start({{"x-envoy-fault-abort-request", "404"},
                     {"x-envoy-fault-abort-request-percentage", "0"}})
                  .request.ended);
}

TEST_F(Fault, HeadersNeverRaiseTheShare) {
  set_abort(FaultAbort::Kind::header);
  settings.abort->share = {0, 100};
  EXPECT_TRUE(start({{"x-envoy-fault-abort-request", "404"},
                     {"x-envoy-fault-abort-request-percentage", "100"}})
                  .request.ended);
}

TEST_F(Fault, HeadersSayTheDelay) {
  set_delay(std::nullopt);
  EXPECT_TRUE(start().request.ended);
  EXPECT_TRUE(start({{"x-envoy-fault-delay-request", "0"}}).request.ended);
  EXPECT_TRUE(start({{"x-envoy-fault-delay-request", "150"},
                     {"x-envoy-fault-delay-request-percentage", "0"}})
                  .request.ended);
  const FakeHttpStream& stream = start({{"x-envoy-fault-delay-request", "150"}});
  EXPECT_FALSE(stream.request.headers_passed);
  host.worker.advance(milliseconds(160));
  EXPECT_TRUE(stream.request.ended);
  EXPECT_FALSE(start({{"x-envoy-fault-delay-request", "18446744073709551615"}}).request.ended);
}

TEST_F(Fault, OnlyRequestsThatMatch) {
  set_abort(FaultAbort::Kind::http, 503);
  settings.headers = {header_is("x-fault", "1")};
  settings.downstream_nodes = {"n1", "n2"};
  EXPECT_TRUE(start().request.ended);
  EXPECT_TRUE(start({{"x-fault", "1"}}).request.ended);
  EXPECT_TRUE(start({{"x-envoy-downstream-service-node", "n2"}}).request.ended);
  EXPECT_TRUE(start({{"x-fault", "1"}, {"x-envoy-downstream-service-node", "n3"}}).request.ended);
  EXPECT_TRUE(start({{"x-fault", "1"}, {"x-envoy-downstream-service-node", "n2"}}).replied);
}

TEST_F(Fault, OnlyRequestsToTheCluster) {
  set_abort(FaultAbort::Kind::http, 503);
  settings.upstream_cluster = "here";
  EXPECT_TRUE(start().request.ended);
  cluster = "there";
  EXPECT_TRUE(start().request.ended);
  cluster = "here";
  EXPECT_TRUE(start().replied);
}

TEST_F(Fault, ARoutesSettingsReplaceTheFilters) {
  set_abort(FaultAbort::Kind::http, 503);
  of_route = std::make_unique<RouteFault>();
  EXPECT_TRUE(start().request.ended);
  of_route->settings.abort = settings.abort;
  of_route->settings.abort->status = 418;
  EXPECT_EQ(start().replied->status, 418);
}

TEST_F(Fault, NoMoreThanSoManyAtATime) {
  set_delay(milliseconds(200));
  settings.max_active_faults = 2;
  start();
  start();
  EXPECT_TRUE(start().request.ended);
  EXPECT_EQ(host.counter("fault.faults_overflow"), 1u);
  streams.clear();
  EXPECT_FALSE(start().request.ended);
  EXPECT_EQ(host.counter("fault.delays_injected"), 3u);
}

TEST_F(Fault, SlowsTheResponseDown) {
  settings.response_rate_limit = {std::nullopt, kAlways};
  FakeHttpStream& plain = start();
  plain.send_response({{":status", "200"}}, false);
  plain.send_response_data(std::string(1000, 'x'), true);
  EXPECT_TRUE(plain.response.ended);

  FakeHttpStream& stream = start({{"x-envoy-fault-throughput-response", "1"}});
  EXPECT_EQ(host.counter("fault.response_rl_injected"), 1u);
  EXPECT_TRUE(stream.request.ended);
  stream.send_response({{":status", "200"}}, false);
  EXPECT_TRUE(stream.response.headers_passed);
  stream.send_response_data(std::string(292, 'x'));  // five slices of 64 bytes: 250 ms
  stream.send_response_data(std::string(64, 'y'), true);
  EXPECT_EQ(stream.response.body, "");
  host.worker.advance(milliseconds(240));
  EXPECT_EQ(stream.response.body, "");
  host.worker.advance(milliseconds(25));
  EXPECT_EQ(stream.response.body.size(), 292u);
  EXPECT_FALSE(stream.response.ended);
  host.worker.advance(milliseconds(70));
  EXPECT_EQ(stream.response.body.size(), 356u);
  EXPECT_TRUE(stream.response.ended);
}

TEST(ResponsePace, ATwoHundredKilobyteBodyTakesAsLongAsInEnvoy) {
  ResponsePace pace(100);
  const auto start = ResponsePace::Clock::time_point(std::chrono::hours(1));
  auto now = start;
  for (int i = 0; i < 200; ++i) now += pace.wait_for(1000, now);
  EXPECT_EQ(now - start, 31 * std::chrono::microseconds(62500));
}

TEST(ResponsePace, AFastOneHardlyWaits) {
  ResponsePace pace(UINT64_MAX);
  EXPECT_EQ(pace.wait_for(1 << 30, ResponsePace::Clock::time_point()),
            ResponsePace::Clock::duration());
}

TEST(ResponsePace, WhatWasNotUsedIsLost) {
  ResponsePace pace(16);  // 1024 bytes a slice
  auto now = ResponsePace::Clock::time_point(std::chrono::hours(1));
  EXPECT_EQ(pace.wait_for(1024, now), milliseconds(0));
  now += std::chrono::seconds(10);
  EXPECT_EQ(pace.wait_for(1024, now), milliseconds(0));
  EXPECT_EQ(pace.wait_for(1, now), std::chrono::microseconds(62500));
}

}  // namespace
}  // namespace weir::filters
