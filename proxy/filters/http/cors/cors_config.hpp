// SPDX-License-Identifier: Apache-2.0
// What the cors filter is told by routes, after parsing: narrow types, no proto.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/config/filter_registry.hpp"
#include "proxy/route/matchers.hpp"

namespace envoy::extensions::filters::http::cors::v3 {
class CorsPolicy;
}

namespace weir::filters {

/// cors.v3.CorsPolicy. What a level leaves empty, the next less specific one says.
struct CorsPolicy final : config::RouteFilterConfig {
  std::vector<route::StringMatcher> allow_origins;  // one that matches "*" allows all
  std::string allow_methods;                        // "*" = what was asked for
  std::string allow_headers;                        // "*" = what was asked for
  std::string expose_headers;
  std::string max_age;
  std::optional<bool> allow_credentials;
  std::optional<bool> allow_private_network_access;
  std::optional<bool> forward_not_matching_preflights;
  // Only those of the most specific level count.
  route::Fraction enabled{100, 100};
  route::Fraction shadow_enabled{0, 100};
};

/// Reports every problem through `context`; the result is meaningful only when there was none.
std::shared_ptr<const CorsPolicy> cors_policy_from_proto(
    const envoy::extensions::filters::http::cors::v3::CorsPolicy& proto,
    const config::ParseContext& context);

}  // namespace weir::filters
