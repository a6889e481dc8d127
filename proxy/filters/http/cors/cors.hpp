// SPDX-License-Identifier: Apache-2.0
// The cors filter: answers preflights and lets browsers read answers, as the route's policy says.
#pragma once

#include <memory>
#include <string_view>

#include "proxy/filters/http/filter.hpp"

namespace weir::filters {

/// envoy.filters.http.cors. All it knows stands in routes (cors_config.hpp).
class CorsFactory final : public HttpFilterFactory {
 public:
  [[nodiscard]] std::string_view name() const override { return "envoy.filters.http.cors"; }
  [[nodiscard]] std::unique_ptr<HttpFilterInstance> instantiate(
      HttpInstanceContext& context) const override;
};

}  // namespace weir::filters
