// SPDX-License-Identifier: Apache-2.0
// What the local_ratelimit filter limits, after parsing: narrow types, no proto.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/config/filter_registry.hpp"
#include "proxy/route/header_mutation.hpp"
#include "proxy/route/matchers.hpp"

namespace envoy::extensions::filters::http::local_ratelimit::v3 {
class LocalRateLimit;
}

namespace weir::filters {

/// type.v3.TokenBucket.
struct TokenBucketConfig {
  std::uint32_t max_tokens = 0;
  std::uint32_t tokens_per_fill = 1;
  std::chrono::milliseconds fill_interval{0};  // ≥ 50 ms
};

/// Keys and values that describe a request.
using RateLimitEntries = std::vector<std::pair<std::string, std::string>>;

/// ratelimit.v3.LocalRateLimitDescriptor: requests with these entries have a bucket of their own.
struct RateLimitDescriptor {
  RateLimitEntries entries;
  TokenBucketConfig bucket;
};

/// route.v3.RateLimit.Action: makes one entry of a descriptor of a request.
struct RateLimitAction {
  enum class Kind : std::uint8_t {
    source_cluster,
    request_header,
    remote_address,
    masked_remote_address,
    generic_key,
    header_match,
  };
  Kind kind = Kind::generic_key;
  std::string key;
  std::string value;   // generic_key, header_match
  std::string header;  // request_header; lower case
  bool skip_if_absent = false;
  std::vector<route::HeaderMatcher> headers;  // header_match
  bool expect_match = true;
  std::uint32_t v4_length = 32;  // masked_remote_address
  std::uint32_t v6_length = 128;
};
/// route.v3.RateLimit: all actions make an entry, or there is no descriptor.
using RateLimitActions = std::vector<RateLimitAction>;

/// local_ratelimit.v3.LocalRateLimit.
struct RateLimitSettings {
  std::string stat_prefix;
  std::uint16_t status = 429;
  std::optional<TokenBucketConfig> bucket;  // nullopt: the filter's own settings limit nothing
  route::Fraction enabled{0, 100};
  route::Fraction enforced{0, 100};
  route::HeaderMutations request_headers;   // of those that are over the limit and not stopped
  route::HeaderMutations response_headers;  // of those that are stopped
  std::vector<RateLimitDescriptor> descriptors;
  std::vector<RateLimitActions> rate_limits;
  bool per_connection = false;
  bool x_ratelimit_headers = false;
  bool always_consume_default = true;
  bool resource_exhausted = false;  // for gRPC instead of UNAVAILABLE
};

/// Reports every problem through `context`; the result is meaningful only when there was none.
/// `of_route`: a bucket must be there.
RateLimitSettings rate_limit_from_proto(
    const envoy::extensions::filters::http::local_ratelimit::v3::LocalRateLimit& proto,
    bool of_route, const config::ParseContext& context);

}  // namespace weir::filters
