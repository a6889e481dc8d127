// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/record_filter.hpp"

#include <gtest/gtest.h>

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
  filter.flags = *response_flag_of("RL");
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

TEST(RecordFilter, NoConnectionIsAHealthCheck) { EXPECT_TRUE(RecordFilter{}.matches(record({}))); }

TEST(ResponseFlagOf, KnowsEnvoysCodes) {
  EXPECT_TRUE(response_flag_of("NR")->has(ResponseFlag::no_route_found));
  EXPECT_EQ(response_flag_of("UT"), ResponseFlags{});
  EXPECT_EQ(response_flag_of("XX"), std::nullopt);
  EXPECT_EQ(response_flag_of(""), std::nullopt);
  EXPECT_EQ(response_flag_of("nr"), std::nullopt);
}

}  // namespace
}  // namespace weir::access_log
