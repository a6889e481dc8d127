// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/interest.hpp"

#include <gtest/gtest.h>

namespace weir::xds {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;
constexpr TimePoint kStart{1h};

TEST(InterestTest, KnowsWhatIsWantedAndWhatWasTold) {
  Interest interest(0ms);
  EXPECT_TRUE(interest.empty());
  interest.want({"b", "a"}, kStart);
  EXPECT_TRUE(interest.wants("a"));
  EXPECT_FALSE(interest.wants("c"));
  EXPECT_EQ(interest.names(), (Names{"a", "b"}));
  EXPECT_EQ(interest.added(), (Names{"a", "b"}));
  interest.told();
  EXPECT_FALSE(interest.changed());
  interest.want_no_more({"a", "unknown"});
  EXPECT_EQ(interest.removed(), Names{"a"});
  interest.want({"*"}, kStart);
  EXPECT_TRUE(interest.wants("anything"));
  EXPECT_EQ(interest.names(), (Names{"*", "b"}));
  EXPECT_EQ(interest.added(), Names{"*"});
  interest.want_no_more({"b"});
  EXPECT_EQ(interest.names(), Names{});
  EXPECT_FALSE(interest.empty());
}

TEST(InterestTest, ANewStreamIsToldEverything) {
  Interest interest(0ms);
  interest.want({"a", "b", "*"}, kStart);
  interest.told();
  interest.want_no_more({"b"});
  interest.forget_told();
  EXPECT_EQ(interest.added(), (Names{"*", "a"}));
  EXPECT_EQ(interest.removed(), Names{});
}

TEST(InterestTest, EachNameHasItsOwnTime) {
  Interest interest(10s);
  EXPECT_EQ(interest.deadline(), std::nullopt);
  interest.want({"a", "b"}, kStart);
  interest.want({"c"}, kStart + 5s);
  interest.answered("a");
  EXPECT_EQ(interest.deadline(), kStart + 10s);
  EXPECT_EQ(interest.expire(kStart + 10s - 1ms).names, Names{});
  EXPECT_EQ(interest.expire(kStart + 10s).names, Names{"b"});
  EXPECT_EQ(interest.deadline(), kStart + 15s);
  // Wanted anew, the time begins anew.
  interest.want_no_more({"c"});
  interest.want({"c"}, kStart + 12s);
  EXPECT_EQ(interest.expire(kStart + 15s).names, Names{});
  EXPECT_EQ(interest.expire(kStart + 22s).names, Names{"c"});
  EXPECT_EQ(interest.deadline(), std::nullopt);
}

TEST(InterestTest, AnyAnswerEndsTheWaitingForAll) {
  Interest interest(10s);
  interest.want_all(kStart);
  EXPECT_EQ(interest.deadline(), kStart + 10s);
  EXPECT_TRUE(interest.expire(kStart + 10s).all);
  EXPECT_FALSE(interest.expire(kStart + 11s).all);
  Interest answered(10s);
  answered.want_all(kStart);
  answered.answered_type();
  EXPECT_EQ(answered.deadline(), std::nullopt);
  EXPECT_FALSE(answered.expire(kStart + 10s).all);
}

TEST(InterestTest, WithoutATimeoutNobodyWaitsInVain) {
  Interest interest(0ms);
  interest.want({"*", "a"}, kStart);
  EXPECT_EQ(interest.deadline(), std::nullopt);
  const auto expired = interest.expire(kStart + 1000h);
  EXPECT_FALSE(expired.all);
  EXPECT_TRUE(expired.names.empty());
}

}  // namespace
}  // namespace weir::xds
