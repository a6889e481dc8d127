// SPDX-License-Identifier: Apache-2.0
// The tls_inspector listener filter: transport protocol, server name and ALPN from the ClientHello.
#pragma once

#include "proxy/filters/filter.hpp"

namespace weir::filters {

/// envoy.filters.listener.tls_inspector. Peeks, never consumes. Statistics: tls_inspector.*
class TlsInspectorFilter final : public ListenerFilter {
 public:
  [[nodiscard]] std::string_view name() const override {
    return "envoy.filters.listener.tls_inspector";
  }
  [[nodiscard]] std::unique_ptr<ListenerFilterInstance> instantiate(
      InstanceContext& context) const override;
};

}  // namespace weir::filters
