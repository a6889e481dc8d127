// SPDX-License-Identifier: Apache-2.0
// Limiter: the buckets of one configuration, and which of them a request takes a token from.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <vector>

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/local_ratelimit/local_ratelimit_config.hpp"
#include "proxy/filters/http/local_ratelimit/token_bucket.hpp"

namespace weir::filters {

/// The descriptors of a request, one for each of `rate_limits` whose actions all make an entry.
std::vector<RateLimitEntries> describe_request(const std::vector<RateLimitActions>& rate_limits,
                                               HttpStream& stream,
                                               std::string_view service_cluster);

/// Any thread.
class Limiter {
 public:
  explicit Limiter(const RateLimitSettings& settings);

  struct Decision {
    bool allowed = true;
    const TokenBucket* bucket = nullptr;  // the one that decided; nullptr: none is configured
  };
  /// Takes a token of each bucket whose descriptor is among `descriptors`, the slowest first, then
  /// of the default one, until one of them has none.
  Decision take(std::span<const RateLimitEntries> descriptors, TokenBucket::Clock::time_point now);

 private:
  struct Described {
    Described(const RateLimitDescriptor& config)
        : entries(config.entries),
          per_second(config.bucket.tokens_per_fill * 1000.0 /
                     static_cast<double>(config.bucket.fill_interval.count())),
          bucket(config.bucket.max_tokens, config.bucket.tokens_per_fill,
                 config.bucket.fill_interval) {}
    RateLimitEntries entries;
    double per_second;
    TokenBucket bucket;
  };

  std::optional<TokenBucket> default_;
  bool always_consume_default_;
  std::deque<Described> described_;   // buckets do not move
  std::vector<Described*> in_order_;  // the slowest first
};

}  // namespace weir::filters
