// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/response_flags.hpp"

#include <gtest/gtest.h>

namespace weir::access_log {
namespace {

TEST(ResponseFlags, NoneIsADash) { EXPECT_EQ(ResponseFlags{}.to_string(), "-"); }

TEST(ResponseFlags, EachHasEnvoysCode) {
  const std::pair<ResponseFlag, std::string_view> codes[] = {
      {ResponseFlag::no_healthy_upstream, "UH"},
      {ResponseFlag::upstream_connection_failure, "UF"},
      {ResponseFlag::upstream_overflow, "UO"},
      {ResponseFlag::no_route_found, "NR"},
      {ResponseFlag::upstream_retry_limit_exceeded, "URX"},
      {ResponseFlag::no_cluster_found, "NC"},
      {ResponseFlag::duration_timeout, "DT"},
      {ResponseFlag::upstream_connection_termination, "UC"},
      {ResponseFlag::downstream_connection_termination, "DC"},
      {ResponseFlag::stream_idle_timeout, "SI"},
      {ResponseFlag::overload_manager, "OM"},
      {ResponseFlag::downstream_protocol_error, "DPE"},
  };
  ResponseFlags all;
  std::string joined;
  for (const auto& [flag, code] : codes) {
    ResponseFlags one;
    one.set(flag);
    EXPECT_EQ(one.to_string(), code);
    EXPECT_TRUE(one.has(flag));
    EXPECT_FALSE(all.has(flag));
    all.set(flag);
    joined += (joined.empty() ? "" : ",") + std::string(code);
  }
  EXPECT_EQ(all.to_string(), joined);
}

}  // namespace
}  // namespace weir::access_log
