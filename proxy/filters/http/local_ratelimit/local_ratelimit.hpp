// SPDX-License-Identifier: Apache-2.0
// The local_ratelimit filter: refuses requests that come faster than the tokens of this process
// allow.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/local_ratelimit/limiter.hpp"
#include "proxy/filters/http/local_ratelimit/local_ratelimit_config.hpp"

namespace weir::filters {

/// Settings with their buckets, which all workers share.
struct RateLimit {
  explicit RateLimit(RateLimitSettings of) : settings(std::move(of)), limiter(settings) {}
  const RateLimitSettings settings;
  mutable Limiter limiter;
};

/// That of a route replaces that of the filter.
struct RouteRateLimit final : config::RouteFilterConfig {
  explicit RouteRateLimit(RateLimitSettings settings) : limit(std::move(settings)) {}
  RateLimit limit;
};

/// envoy.filters.http.local_ratelimit.
class LocalRateLimitFactory final : public HttpFilterFactory {
 public:
  explicit LocalRateLimitFactory(RateLimitSettings settings) : limit_(std::move(settings)) {}
  [[nodiscard]] std::string_view name() const override {
    return "envoy.filters.http.local_ratelimit";
  }
  [[nodiscard]] std::unique_ptr<HttpFilterInstance> instantiate(
      HttpInstanceContext& context) const override;

 private:
  RateLimit limit_;
};

}  // namespace weir::filters
