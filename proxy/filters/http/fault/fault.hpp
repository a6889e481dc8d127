// SPDX-License-Identifier: Apache-2.0
// The fault filter: delays and aborts requests, and slows responses down, on purpose.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/filters/http/fault/fault_config.hpp"
#include "proxy/filters/http/filter.hpp"

namespace weir::filters {

/// envoy.filters.http.fault.
class FaultFactory final : public HttpFilterFactory {
 public:
  explicit FaultFactory(FaultSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] std::string_view name() const override { return "envoy.filters.http.fault"; }
  [[nodiscard]] std::unique_ptr<HttpFilterInstance> instantiate(
      HttpInstanceContext& context) const override;

 private:
  FaultSettings settings_;
  /// Of all workers, for max_active_faults. Only requests with a fault touch it.
  mutable std::atomic<std::int64_t> active_{0};
};

}  // namespace weir::filters
