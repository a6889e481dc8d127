// SPDX-License-Identifier: Apache-2.0
// The rbac filter: lets a request pass or not, by the policies of its route or its own.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/rbac/rbac_config.hpp"

namespace weir::filters {

/// envoy.filters.http.rbac.
class RbacFactory final : public HttpFilterFactory {
 public:
  explicit RbacFactory(RbacSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] std::string_view name() const override { return "envoy.filters.http.rbac"; }
  [[nodiscard]] std::unique_ptr<HttpFilterInstance> instantiate(
      HttpInstanceContext& context) const override;

 private:
  RbacSettings settings_;
};

}  // namespace weir::filters
