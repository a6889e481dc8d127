// SPDX-License-Identifier: Apache-2.0
// The local_ratelimit filter, against what Envoy 1.40 does.
#include "proxy/filters/http/local_ratelimit/local_ratelimit.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "tests/unit/filters/fake_http_host.hpp"

namespace weir::filters {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr route::Fraction kAlways{100, 100};
constexpr const char* kName = "envoy.filters.http.local_ratelimit";
const auto kStart = TokenBucket::Clock::time_point(std::chrono::hours(1));

TEST(TokenBucket, StartsFullAndFillsEvenly) {
  TokenBucket bucket(2, 2, seconds(1));
  EXPECT_EQ(bucket.tokens(kStart), 2u);
  EXPECT_EQ(bucket.seconds_to_next(kStart), 0u);
  EXPECT_TRUE(bucket.take(kStart));
  EXPECT_EQ(bucket.tokens(kStart), 1u);
  EXPECT_TRUE(bucket.take(kStart));
  EXPECT_EQ(bucket.tokens(kStart), 0u);
  EXPECT_EQ(bucket.seconds_to_next(kStart), 1u);
  EXPECT_FALSE(bucket.take(kStart + milliseconds(490)));
  EXPECT_TRUE(bucket.take(kStart + milliseconds(500)));
  EXPECT_FALSE(bucket.take(kStart + milliseconds(500)));
  EXPECT_EQ(bucket.tokens(kStart + seconds(100)), 2u);  // never more
}

TEST(TokenBucket, SaysWhenTheNextTokenComes) {
  TokenBucket bucket(2, 2, seconds(60));
  bucket.take(kStart);
  bucket.take(kStart);
  EXPECT_EQ(bucket.seconds_to_next(kStart), 30u);
  EXPECT_EQ(bucket.seconds_to_next(kStart + seconds(29)), 1u);
  EXPECT_EQ(bucket.seconds_to_next(kStart + seconds(30)), 0u);
}

TEST(TokenBucket, AClockThatLagsTakesNothingBack) {
  TokenBucket bucket(1, 1, seconds(1));
  EXPECT_TRUE(bucket.take(kStart));
  EXPECT_FALSE(bucket.take(kStart - milliseconds(8)));
  EXPECT_EQ(bucket.tokens(kStart - milliseconds(8)), 0u);
  EXPECT_TRUE(bucket.take(kStart + seconds(1)));
}

TEST(TokenBucket, OddRatesKeepTheirRate) {
  TokenBucket bucket(1, 3, seconds(1));
  int taken = 0;
  for (int ms = 0; ms < 10000; ms += 1) taken += bucket.take(kStart + milliseconds(ms)) ? 1 : 0;
  EXPECT_NEAR(taken, 30, 1);
}

TEST(TokenBucket, ThreadsNeverTakeMoreThanThereIs) {
  TokenBucket bucket(10000, 1, std::chrono::hours(1));
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 5000; ++j)
        if (bucket.take(kStart)) ++taken;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 10000);
}

struct RateLimitTest : testing::Test {
  RateLimitTest() {
    settings.stat_prefix = "limiter";
    settings.bucket = {2, 1, seconds(10)};
    settings.enabled = settings.enforced = kAlways;
  }
  FakeHttpStream& get(const HeaderPairs& headers = {}, ConnectionNotes* connection = nullptr) {
    if (factory == nullptr) {
      factory = std::make_unique<LocalRateLimitFactory>(settings);
      instance = host.instantiate(*factory, kName);
    }
    streams.push_back(std::make_unique<FakeHttpStream>(host.worker));
    FakeHttpStream& stream = *streams.back();
    if (connection != nullptr) stream.notes_of_connection = connection;
    if (of_route) stream.route_filters[kName] = {of_route.get()};
    EXPECT_TRUE(stream.use(*instance));
    stream.get("/", headers);
    if (!stream.replied) stream.send_response({{":status", "200"}});
    return stream;
  }
  std::uint64_t counter(const std::string& field, std::string_view prefix = "limiter") {
    return host.store.counter("", prefix, "http_local_rate_limit." + field, 0).value();
  }
  static std::string limits(const FakeHttpStream& stream) {
    const auto* headers = stream.response.headers.get();
    return header_of(headers, "x-ratelimit-limit") + " " +
           header_of(headers, "x-ratelimit-remaining") + " " +
           header_of(headers, "x-ratelimit-reset");
  }
  static route::HeaderMutations adding(const std::string& name, const std::string& value) {
    route::HeaderMutations mutations;
    mutations.add.push_back({name, value});
    return mutations;
  }

  FakeHttpHost host;
  RateLimitSettings settings;
  std::unique_ptr<RouteRateLimit> of_route;
  std::unique_ptr<LocalRateLimitFactory> factory;
  std::unique_ptr<HttpFilterInstance> instance;
  std::vector<std::unique_ptr<FakeHttpStream>> streams;
};

TEST_F(RateLimitTest, RefusesWhatIsTooMuch) {
  settings.response_headers = adding("x-lim", "yes");
  settings.x_ratelimit_headers = true;
  EXPECT_EQ(limits(get()), "2 1 0");
  EXPECT_EQ(limits(get()), "2 0 10");
  const FakeHttpStream& refused = get();
  ASSERT_TRUE(refused.replied);
  EXPECT_EQ(refused.replied->status, 429);
  EXPECT_EQ(refused.replied->body, "local_rate_limited");
  EXPECT_EQ(refused.details, "local_rate_limited");
  EXPECT_EQ(refused.flags.to_string(), "RL");
  EXPECT_FALSE(refused.replied->grpc_status);
  EXPECT_FALSE(refused.request.headers_passed);
  EXPECT_EQ(header_of(refused.response.headers.get(), "x-lim"), "yes");
  EXPECT_EQ(limits(refused), "2 0 10");
  EXPECT_EQ(counter("enabled"), 3u);
  EXPECT_EQ(counter("ok"), 2u);
  EXPECT_EQ(counter("rate_limited"), 1u);
  EXPECT_EQ(counter("enforced"), 1u);
  host.worker.advance(seconds(10));
  EXPECT_TRUE(get().request.ended);
  EXPECT_TRUE(get().replied);
}

TEST_F(RateLimitTest, WithAStatusOfItsOwn) {
  settings.status = 503;
  settings.resource_exhausted = true;
  get();
  get();
  EXPECT_EQ(get().replied->status, 503);
  EXPECT_EQ(streams.back()->replied->grpc_status, 8u);
}

TEST_F(RateLimitTest, NotEnforcedItOnlyMarks) {
  settings.enforced = {0, 100};
  settings.request_headers = adding("x-lim", "yes");
  get();
  get();
  const FakeHttpStream& over = get();
  EXPECT_TRUE(over.request.ended);
  EXPECT_EQ(header_of(over.request.headers.get(), "x-lim"), "yes");
  EXPECT_EQ(header_of(streams.front()->request.headers.get(), "x-lim"), "");
  EXPECT_EQ(counter("rate_limited"), 1u);
  EXPECT_EQ(counter("enforced"), 0u);
}

TEST_F(RateLimitTest, NotEnabledItDoesNothing) {
  settings.enabled = {0, 100};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(get().request.ended);
  EXPECT_EQ(counter("enabled"), 0u);
}

TEST_F(RateLimitTest, WithoutABucketNothingIsLimited) {
  settings.bucket.reset();
  settings.x_ratelimit_headers = true;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limits(get()), "  ");
  EXPECT_EQ(counter("ok"), 5u);
}

TEST_F(RateLimitTest, ARouteHasABucketAndCountersOfItsOwn) {
  RateLimitSettings route_settings = settings;
  route_settings.stat_prefix = "of_route";
  route_settings.bucket->max_tokens = 1;
  route::RouteConfig routes;
  auto config = std::make_shared<RouteRateLimit>(route_settings);
  routes.virtual_hosts.emplace_back().filters.push_back({kName, config});
  host.routes = &routes;
  get();
  get();
  EXPECT_TRUE(get().replied);
  of_route = std::make_unique<RouteRateLimit>(route_settings);  // one that came later
  EXPECT_TRUE(get().request.ended);
  EXPECT_EQ(counter("ok"), 3u);
  EXPECT_EQ(counter("ok", "of_route"), 0u);

  FakeHttpStream stream(host.worker);
  stream.route_filters[kName] = {config.get()};
  ASSERT_TRUE(stream.use(*instance));
  stream.get();
  EXPECT_TRUE(stream.request.ended);
  EXPECT_EQ(counter("ok", "of_route"), 1u);
}

TEST_F(RateLimitTest, WorkersShareTheBucket) {
  get();
  const auto second = host.instantiate(*factory, kName);
  FakeWorker other_worker(2);
  FakeHttpStream stream(other_worker);
  ASSERT_TRUE(stream.use(*second));
  stream.get();
  EXPECT_TRUE(stream.request.ended);
  EXPECT_TRUE(get().replied);
}

TEST_F(RateLimitTest, AConnectionHasABucketOfItsOwn) {
  settings.per_connection = true;
  ConnectionNotes one, two;
  get({}, &one);
  get({}, &one);
  EXPECT_TRUE(get({}, &one).replied);
  EXPECT_TRUE(get({}, &two).request.ended);
  EXPECT_TRUE(get({}, &one).replied);
}

/// Buckets for bob, who has two tokens, and for al behind a key.
struct DescribedTest : RateLimitTest {
  DescribedTest() {
    settings.bucket = {100, 100, seconds(10)};
    settings.x_ratelimit_headers = true;
    settings.descriptors = {{{{"who", "bob"}}, {2, 2, seconds(60)}},
                            {{{"generic_key", "gk"}, {"who", "al"}}, {1, 1, seconds(60)}}};
    RateLimitAction who{RateLimitAction::Kind::request_header, "who"};
    who.header = "x-who";
    const RateLimitAction key{RateLimitAction::Kind::generic_key, "generic_key", "gk"};
    settings.rate_limits = {{who}, {key, who}};
  }
};

TEST_F(DescribedTest, DescribedRequestsHaveBucketsOfTheirOwn) {
  EXPECT_EQ(limits(get({{"x-who", "bob"}})), "2 1 0");
  EXPECT_EQ(limits(get({{"x-who", "bob"}})), "2 0 30");
  EXPECT_TRUE(get({{"x-who", "bob"}}).replied);
  EXPECT_EQ(limits(*streams.back()), "2 0 30");
  EXPECT_EQ(limits(get({{"x-who", "al"}})), "1 0 60");
  EXPECT_TRUE(get({{"x-who", "al"}}).replied);
  EXPECT_EQ(limits(get({{"x-who", "zed"}})),
            "100 96 0");  // bob's two and al's one took from it too
  EXPECT_EQ(limits(get()), "100 95 0");
}

TEST_F(DescribedTest, TheDefaultBucketIsForTheOthersWhenConfigured) {
  settings.always_consume_default = false;
  get({{"x-who", "bob"}});
  EXPECT_EQ(limits(get()), "100 99 0");
}

TEST_F(DescribedTest, ActionsDescribeTheRequest) {
  using Kind = RateLimitAction::Kind;
  FakeHttpStream stream(host.worker);
  stream.info.remote.endpoint = *Endpoint::parse("203.0.113.77:1");
  stream.get("/", {{"x-a", "1"}});
  const auto described = [&](RateLimitAction action) {
    action.key = "k";
    const auto all = describe_request({{action}}, stream, "front");
    return all.empty() ? "-" : all.front().front().second;
  };
  RateLimitAction action;
  action.kind = Kind::source_cluster;
  EXPECT_EQ(described(action), "front");
  action.kind = Kind::remote_address;
  EXPECT_EQ(described(action), "203.0.113.77");
  action.kind = Kind::masked_remote_address;
  action.v4_length = 24;
  EXPECT_EQ(described(action), "203.0.113.0/24");
  action.kind = Kind::header_match;
  action.value = "v";
  action.headers = {header_is("x-a", "1")};
  EXPECT_EQ(described(action), "v");
  action.expect_match = false;
  EXPECT_EQ(described(action), "-");
  action.kind = Kind::request_header;
  action.header = "x-b";
  EXPECT_EQ(described(action), "-");
  action.skip_if_absent = true;
  EXPECT_EQ(described(action), "-");
  const RateLimitAction generic{Kind::generic_key, "g", "v"};
  EXPECT_EQ(describe_request({{action, generic}}, stream, "").front(),
            (RateLimitEntries{{"g", "v"}}));
}

}  // namespace
}  // namespace weir::filters
