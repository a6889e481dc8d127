// SPDX-License-Identifier: Apache-2.0
#include "common/result.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace weir {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return Error{"half of '" + std::to_string(value) + "': odd"};
  return value / 2;
}

TEST(Result, HoldsAValue) {
  const auto result = half(4);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result.has_value());
  EXPECT_EQ(*result, 2);
}

TEST(Result, HoldsAnError) {
  const auto result = half(3);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "half of '3': odd");
  EXPECT_EQ(result.error().code, 0);
}

TEST(Result, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> value = std::move(*result);
  EXPECT_EQ(*value, 5);
}

TEST(Result, CanHoldAnErrorTypeAsText) {
  const Result<std::string> result = std::string("text");
  EXPECT_EQ(result->size(), 4u);
}

TEST(ResultVoid, SucceedsByDefault) {
  const Result<void> ok;
  EXPECT_TRUE(ok);
  const Result<void> failed = Error{"bind: in use", 98};
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, 98);
}

TEST(Error, ContextGoesInFrontAndKeepsTheCode) {
  const Error error{"bind: in use", 98};
  EXPECT_EQ(error.with_context("listener 'x'"), (Error{"listener 'x': bind: in use", 98}));
}

}  // namespace
}  // namespace weir
