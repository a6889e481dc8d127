// SPDX-License-Identifier: Apache-2.0
// The http_inspector listener filter: HTTP/1.0, HTTP/1.1 or HTTP/2 without TLS.
#pragma once

#include "proxy/filters/filter.hpp"

namespace weir::filters {

/// envoy.filters.listener.http_inspector. Peeks, never consumes; leaves connections alone whose
/// transport another inspector has found. Statistics: http_inspector.*
class HttpInspectorFilter final : public ListenerFilter {
 public:
  [[nodiscard]] std::string_view name() const override {
    return "envoy.filters.listener.http_inspector";
  }
  [[nodiscard]] std::unique_ptr<ListenerFilterInstance> instantiate(
      InstanceContext& context) const override;
};

/// What instantiate() makes. `stats` outlives it.
std::unique_ptr<ListenerFilterInstance> make_http_inspector(stats::HttpInspectorStats& stats);

}  // namespace weir::filters
