// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/response_flags.hpp"

#include <gtest/gtest.h>

namespace weir::access_log {
namespace {

TEST(ResponseFlags, NoneIsADash) { EXPECT_EQ(ResponseFlags{}.to_string(), "-"); }

TEST(ResponseFlags, EachHasEnvoysCode) {
  const std::pair<ResponseFlag, std::string_view> codes[] = {
      {ResponseFlag::failed_local_health_check, "LH"},
      {ResponseFlag::delay_injected, "DI"},
      {ResponseFlag::fault_injected, "FI"},
      {ResponseFlag::rate_limited, "RL"},
      {ResponseFlag::unauthorized_external, "UAEX"},
      {ResponseFlag::no_healthy_upstream, "UH"},
      {ResponseFlag::upstream_connection_failure, "UF"},
      {ResponseFlag::upstream_overflow, "UO"},
      {ResponseFlag::no_route_found, "NR"},
      {ResponseFlag::upstream_retry_limit_exceeded, "URX"},
      {ResponseFlag::no_cluster_found, "NC"},
      {ResponseFlag::upstream_request_timeout, "UT"},
      {ResponseFlag::local_reset, "LR"},
      {ResponseFlag::upstream_remote_reset, "UR"},
      {ResponseFlag::upstream_protocol_error, "UPE"},
      {ResponseFlag::upstream_max_stream_duration, "UMSDR"},
      {ResponseFlag::duration_timeout, "DT"},
      {ResponseFlag::upstream_connection_termination, "UC"},
      {ResponseFlag::downstream_connection_termination, "DC"},
      {ResponseFlag::stream_idle_timeout, "SI"},
      {ResponseFlag::overload_manager, "OM"},
      {ResponseFlag::downstream_protocol_error, "DPE"},
      {ResponseFlag::response_from_cache, "RFCF"},
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

TEST(ResponseFlags, AllOfThemFit) {
  const ResponseFlags all{~0u};
  FlagsBuffer buffer;
  for (const auto order : {FlagOrder::connection, FlagOrder::request}) {
    const auto words = all.print(buffer, order, FlagNames::words);
    EXPECT_LT(words.size(), buffer.size());
    EXPECT_TRUE(words.ends_with(",ResponseFromCacheFilter")) << words;
  }
  EXPECT_EQ(ResponseFlags{}.print(buffer, FlagOrder::request, FlagNames::codes), "");
}

TEST(ResponseFlags, RetriesUsedUpComeFirstForRequests) {
  ResponseFlags flags;
  flags.set(ResponseFlag::upstream_retry_limit_exceeded);
  flags.set(ResponseFlag::upstream_request_timeout);
  flags.set(ResponseFlag::no_healthy_upstream);
  FlagsBuffer buffer;
  EXPECT_EQ(flags.print(buffer, FlagOrder::request, FlagNames::codes), "URX,UH,UT");
  EXPECT_EQ(flags.print(buffer, FlagOrder::connection, FlagNames::codes), "UH,URX,UT");
}

}  // namespace
}  // namespace weir::access_log
