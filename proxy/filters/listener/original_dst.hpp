// SPDX-License-Identifier: Apache-2.0
// The original_dst listener filter: restores the address that the client dialled.
#pragma once

#include "proxy/filters/filter.hpp"

namespace weir::filters {

/// envoy.filters.listener.original_dst. What it restores replaces the connection's destination;
/// whether the connection is then handed to another listener is not its business. On a transparent
/// listener the socket's own address is the destination (TPROXY); conntrack is asked only where
/// that is the listening port itself. Elsewhere conntrack says it, or, where it has no entry, the
/// address of a transparent socket; otherwise the connection goes on unrestored.
class OriginalDstFilter final : public ListenerFilter {
 public:
  [[nodiscard]] std::string_view name() const override {
    return "envoy.filters.listener.original_dst";
  }
  [[nodiscard]] std::unique_ptr<ListenerFilterInstance> instantiate(
      InstanceContext& context) const override;
};

}  // namespace weir::filters
