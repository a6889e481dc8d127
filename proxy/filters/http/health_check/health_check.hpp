// SPDX-License-Identifier: Apache-2.0
// The health_check filter: answers the health checks of load balancers, or lets the application do
// it.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/health_check/cached_answer.hpp"
#include "proxy/filters/http/health_check/health_check_config.hpp"

namespace weir::filters {

/// envoy.filters.http.health_check.
class HealthCheckFactory final : public HttpFilterFactory {
 public:
  explicit HealthCheckFactory(HealthCheckSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] std::string_view name() const override { return "envoy.filters.http.health_check"; }
  [[nodiscard]] std::unique_ptr<HttpFilterInstance> instantiate(
      HttpInstanceContext& context) const override;

 private:
  HealthCheckSettings settings_;
  mutable CachedAnswer cache_;
};

}  // namespace weir::filters
