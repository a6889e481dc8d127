// SPDX-License-Identifier: Apache-2.0
#include "proxy/tcp/end_reason.hpp"

#include <cctype>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace weir::tcp {
namespace {

std::string flags(EndReason reason) { return response_flags(reason).to_string(); }

TEST(EndReason, EveryReasonHasItsOwnNameInSnakeCase) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kEndReasonCount; ++i) {
    const auto& info = describe(static_cast<EndReason>(i));
    EXPECT_FALSE(info.name.empty());
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    for (const char c : info.name) EXPECT_TRUE((c >= 'a' && c <= 'z') || c == '_') << info.name;
  }
}

TEST(EndReason, EverythingButAnOrderlyEndIsExplainedAndFlagged) {
  EXPECT_EQ(describe(EndReason::finished).details, "");
  EXPECT_EQ(flags(EndReason::finished), "-");
  for (std::size_t i = 1; i < kEndReasonCount; ++i) {
    const auto reason = static_cast<EndReason>(i);
    EXPECT_FALSE(describe(reason).details.empty()) << describe(reason).name;
    EXPECT_NE(flags(reason), "-") << describe(reason).name;
  }
}

TEST(EndReason, FlagsAreEnvoys) {
  EXPECT_EQ(flags(EndReason::no_healthy_upstream), "UH");
  EXPECT_EQ(flags(EndReason::no_original_destination), "UH");
  EXPECT_EQ(flags(EndReason::connect_failed), "UF,URX");
  EXPECT_EQ(flags(EndReason::connect_timeout), "UF,URX");
  EXPECT_EQ(flags(EndReason::source_not_kept), "UF,URX");
  EXPECT_EQ(flags(EndReason::cluster_connection_limit), "UO");
  EXPECT_EQ(flags(EndReason::no_cluster), "NC");
  EXPECT_EQ(flags(EndReason::no_filter_chain), "NR");
  EXPECT_EQ(flags(EndReason::downstream_reset), "DC");
  EXPECT_EQ(flags(EndReason::upstream_reset), "UC");
  EXPECT_EQ(flags(EndReason::idle_timeout), "SI");
  EXPECT_EQ(flags(EndReason::max_duration), "DT");
  EXPECT_EQ(flags(EndReason::global_connection_limit), "OM");
}

TEST(EndReason, WhatPeersDoIsNotOurs) {
  const std::set<EndReason> theirs{EndReason::finished, EndReason::downstream_reset,
                                   EndReason::upstream_reset, EndReason::closed_while_inspecting};
  for (std::size_t i = 0; i < kEndReasonCount; ++i) {
    const auto reason = static_cast<EndReason>(i);
    EXPECT_EQ(describe(reason).ours, theirs.count(reason) == 0) << describe(reason).name;
  }
}

TEST(EndReason, NamesFollowTheEnumeration) {
  EXPECT_EQ(describe(EndReason::loop_refused).name, "loop_refused");
  EXPECT_EQ(describe(EndReason::connect_timeout).name, "connect_timeout");
  EXPECT_EQ(describe(EndReason::drained).name, "drained");
}

}  // namespace
}  // namespace weir::tcp
