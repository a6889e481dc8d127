// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/limits.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::upstream {
namespace {

TEST(LimitUse, IsGivenBackOnce) {
  std::atomic<std::uint32_t> count{0};
  auto first = LimitUse::take(count, 1);
  ASSERT_TRUE(first);
  EXPECT_FALSE(LimitUse::take(count, 1));
  LimitUse moved = std::move(*first);
  EXPECT_TRUE(moved);
  first.reset();
  EXPECT_EQ(count, 1u) << "the place has moved";
  moved.reset();
  moved.reset();
  EXPECT_EQ(count, 0u);
  EXPECT_FALSE(moved);
  EXPECT_FALSE(LimitUse::take(count, 0));
}

TEST(LimitUse, NeverMoreThanTheLimitOverAllThreads) {
  std::atomic<std::uint32_t> count{0};
  std::atomic<int> inside{0}, most{0}, taken{0};
  constexpr std::uint32_t kLimit = 3;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 5000; ++round) {
        const auto use = LimitUse::take(count, kLimit);
        if (!use) continue;
        const int now = ++inside;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        ++taken;
        --inside;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 0u);
  EXPECT_LE(most, static_cast<int>(kLimit));
  EXPECT_GT(taken, 5000);
}

TEST(RetryLimit, IsANumberOrAShareOfWhatIsActive) {
  LimitCounts counts;
  config::CircuitBreakerConfig limits;
  EXPECT_EQ(retry_limit(limits, counts), 3u);
  limits.retry_budget_percent = 20;
  EXPECT_EQ(retry_limit(limits, counts), 3u) << "retry_budget_min";
  counts.requests = 40;
  counts.pending_requests = 10;
  EXPECT_EQ(retry_limit(limits, counts), 10u);
  limits.retry_budget_min = 12;
  EXPECT_EQ(retry_limit(limits, counts), 12u);
  limits.retry_budget_percent = 100;
  EXPECT_EQ(retry_limit(limits, counts), 50u);
}

}  // namespace
}  // namespace weir::upstream
