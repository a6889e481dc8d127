// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/record_filter.hpp"

#include <memory>

#include <gtest/gtest.h>

#include "http_record.hpp"

namespace weir::access_log {
namespace {

using Kind = RecordFilter::Kind;
using Comparison = RecordFilter::Comparison;

Record record(std::initializer_list<ResponseFlag> flags, int duration_ms = 0) {
  Record made;
  for (const ResponseFlag flag : flags) made.flags.set(flag);
  made.duration = std::chrono::milliseconds(duration_ms);
  return made;
}

RecordFilter flagged(std::initializer_list<ResponseFlag> flags) {
  RecordFilter filter{Kind::flags};
  for (const ResponseFlag flag : flags) filter.flags.set(flag);
  return filter;
}

RecordFilter lasting(Comparison comparison, std::uint32_t milliseconds) {
  RecordFilter filter{Kind::duration, comparison};
  filter.value = milliseconds;
  return filter;
}

TEST(RecordFilter, OneOfItsFlagsIsEnough) {
  const RecordFilter filter =
      flagged({ResponseFlag::no_route_found, ResponseFlag::no_healthy_upstream});
  EXPECT_TRUE(filter.matches(record({ResponseFlag::no_route_found})));
  EXPECT_TRUE(
      filter.matches(record({ResponseFlag::no_healthy_upstream, ResponseFlag::upstream_overflow})));
  EXPECT_FALSE(filter.matches(record({ResponseFlag::upstream_overflow})));
  EXPECT_FALSE(filter.matches(record({})));
}

TEST(RecordFilter, WithoutFlagsAnyFlagIsEnough) {
  const RecordFilter filter{Kind::any_flag};
  EXPECT_TRUE(filter.matches(record({ResponseFlag::upstream_overflow})));
  EXPECT_FALSE(filter.matches(record({})));
}

TEST(RecordFilter, AFlagThatIsNeverSetMatchesNothing) {
  RecordFilter filter{Kind::flags};
  filter.flags = *response_flag_of("IH");
  EXPECT_FALSE(filter.matches(record({})));
  EXPECT_FALSE(filter.matches(record({ResponseFlag::no_route_found})));
}

TEST(RecordFilter, ComparesDurations) {
  EXPECT_TRUE(lasting(Comparison::at_least, 100).matches(record({}, 100)));
  EXPECT_FALSE(lasting(Comparison::at_least, 100).matches(record({}, 99)));
  EXPECT_TRUE(lasting(Comparison::at_most, 100).matches(record({}, 100)));
  EXPECT_FALSE(lasting(Comparison::at_most, 100).matches(record({}, 101)));
  EXPECT_TRUE(lasting(Comparison::equal, 100).matches(record({}, 100)));
  EXPECT_FALSE(lasting(Comparison::equal, 100).matches(record({}, 99)));
  EXPECT_TRUE(lasting(Comparison::not_equal, 100).matches(record({}, 99)));
  EXPECT_FALSE(lasting(Comparison::not_equal, 100).matches(record({}, 100)));
}

TEST(RecordFilter, AConnectionsStatusIsZero) {
  RecordFilter filter{Kind::status_code, Comparison::at_least};
  filter.value = 400;
  EXPECT_FALSE(filter.matches(record({})));
  filter.comparison = Comparison::at_most;
  EXPECT_TRUE(filter.matches(record({})));
}

TEST(RecordFilter, CombinesOthers) {
  RecordFilter both{Kind::all_of};
  both.children = {flagged({ResponseFlag::no_route_found}), lasting(Comparison::at_least, 10)};
  EXPECT_TRUE(both.matches(record({ResponseFlag::no_route_found}, 10)));
  EXPECT_FALSE(both.matches(record({ResponseFlag::no_route_found}, 9)));
  EXPECT_FALSE(both.matches(record({}, 10)));
  RecordFilter either{Kind::any_of};
  either.children = both.children;
  EXPECT_TRUE(either.matches(record({}, 10)));
  EXPECT_TRUE(either.matches(record({ResponseFlag::no_route_found})));
  EXPECT_FALSE(either.matches(record({})));
}

TEST(RecordFilter, EveryIsEvery) { EXPECT_TRUE(RecordFilter{}.matches(record({}))); }

TEST(RecordFilter, HealthChecks) {
  const RecordFilter filter{Kind::not_health_check};
  HttpRequestRecord request;
  EXPECT_TRUE(filter.matches(record({})));
  EXPECT_TRUE(filter.matches(request.record));
  request.http.health_check = true;
  EXPECT_FALSE(filter.matches(request.record));
}

TEST(RecordFilter, StatusOfARequest) {
  HttpRequestRecord request;
  RecordFilter filter{Kind::status_code, Comparison::at_least};
  filter.value = 400;
  EXPECT_FALSE(filter.matches(request.record));
  request.http.response_code = 400;
  EXPECT_TRUE(filter.matches(request.record));
}

TEST(RecordFilter, GrpcStatus) {
  HttpRequestRecord request;
  RecordFilter filter{Kind::grpc_status};
  filter.grpc_statuses = 1u << 5 | 1u << 2;
  request.response.add("grpc-status", "5");
  EXPECT_TRUE(filter.matches(request.record));
  request.response.set("grpc-status", "14");
  EXPECT_FALSE(filter.matches(request.record));
  request.response.set("grpc-status", "99");
  EXPECT_FALSE(filter.matches(request.record));
  filter.exclude = true;
  EXPECT_TRUE(filter.matches(request.record));
  EXPECT_FALSE(filter.matches(record({})));  // unknown
}

TEST(RecordFilter, Headers) {
  struct IsThere final : HeaderPredicate {
    bool holds(const http::HeaderMap* headers) const override {
      return headers != nullptr && headers->count("x-dup") == 2;
    }
  };
  RecordFilter filter{Kind::headers};
  filter.predicate = std::make_shared<IsThere>();
  EXPECT_TRUE(filter.matches(HttpRequestRecord().record));
  EXPECT_FALSE(filter.matches(record({})));
}

TEST(RecordFilter, AFractionOfTheRequests) {
  RecordFilter filter{Kind::fraction};
  filter.value = 25;
  int passed = 0;
  for (int i = 0; i < 4000; ++i) {
    HttpRequestRecord request;
    request.request.set("x-request-id", "request-" + std::to_string(i));
    const bool first = filter.matches(request.record);
    EXPECT_EQ(filter.matches(request.record), first);
    passed += first ? 1 : 0;
  }
  EXPECT_NEAR(passed, 1000, 150);
  filter.value = 0;
  EXPECT_FALSE(filter.matches(record({})));
  filter.value = 100;
  EXPECT_TRUE(filter.matches(record({})));
}

TEST(ResponseFlagOf, KnowsEnvoysCodes) {
  EXPECT_TRUE(response_flag_of("NR")->has(ResponseFlag::no_route_found));
  EXPECT_TRUE(response_flag_of("UT")->has(ResponseFlag::upstream_request_timeout));
  EXPECT_EQ(response_flag_of("RLSE"), ResponseFlags{});
  EXPECT_EQ(response_flag_of("XX"), std::nullopt);
  EXPECT_EQ(response_flag_of(""), std::nullopt);
  EXPECT_EQ(response_flag_of("nr"), std::nullopt);
}

}  // namespace
}  // namespace weir::access_log
