// SPDX-License-Identifier: Apache-2.0
// Which health checks the health_check filter answers, after parsing: narrow types, no proto.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proxy/route/matchers.hpp"

namespace envoy::extensions::filters::http::health_check::v3 {
class HealthCheck;
}
namespace weir::config {
class ParseContext;
}

namespace weir::filters {

/// health_check.v3.HealthCheck.
struct HealthCheckSettings {
  bool pass_through = false;                // the application answers, unless we have failed
  std::chrono::milliseconds cache_time{0};  // with pass_through; 0 = every check goes to it
  std::vector<std::pair<std::string, std::uint32_t>> clusters;  // → least healthy hosts, per cent
  std::vector<route::HeaderMatcher> headers;                    // what makes a request a check
};

/// Reports every problem through `context`; the result is meaningful only when there was none.
HealthCheckSettings health_check_filter_from_proto(
    const envoy::extensions::filters::http::health_check::v3::HealthCheck& proto,
    const config::ParseContext& context);

}  // namespace weir::filters
