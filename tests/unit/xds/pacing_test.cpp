// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/pacing.hpp"

#include <gtest/gtest.h>

namespace weir::xds {
namespace {

using namespace std::chrono_literals;
constexpr TokenBucket::TimePoint kStart{1h};

TEST(BackoffTest, TheBoundDoublesAndHasAnEnd) {
  Backoff backoff(500ms, 30s);
  constexpr std::uint64_t kAll = 60'000'000 - 1;  // one less than a multiple of each bound
  for (const auto wait : {500, 1000, 2000, 4000, 8000})
    EXPECT_EQ(backoff.next(static_cast<std::uint64_t>(wait) * 1000 - 1).count(), wait - 1);
  static_cast<void>(backoff.next(0));  // 16 s
  for (int i = 0; i < 100; ++i) EXPECT_EQ(backoff.next(kAll).count(), 29999);
  backoff.reset();
  EXPECT_LT(backoff.next(kAll), 500ms);
}

TEST(BackoffTest, OddNumbersAreMadeUsable) {
  Backoff backoff(0ms, 0ms);
  EXPECT_EQ(backoff.next(~std::uint64_t{0}), 0ms);
  Backoff falling(10s, 1s);
  EXPECT_LT(falling.next(~std::uint64_t{0}), 10s);
}

TEST(TokenBucketTest, ABurstThenTheRate) {
  TokenBucket bucket({3, 10});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(kStart));
  EXPECT_FALSE(bucket.take(kStart));
  EXPECT_EQ(bucket.next(), kStart + 100ms);
  EXPECT_FALSE(bucket.take(kStart + 99ms));
  EXPECT_TRUE(bucket.take(kStart + 100ms));
  EXPECT_FALSE(bucket.take(kStart + 100ms));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.take(kStart + 1h));
  EXPECT_FALSE(bucket.take(kStart + 1h));
}

TEST(TokenBucketTest, WhatNextPromisesTakeKeeps) {
  TokenBucket bucket({1, 3});
  auto now = kStart;
  EXPECT_TRUE(bucket.take(now));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_FALSE(bucket.take(now));
    now = bucket.next();
    ASSERT_TRUE(bucket.take(now)) << i;
  }
}

}  // namespace
}  // namespace weir::xds
