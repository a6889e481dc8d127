// SPDX-License-Identifier: Apache-2.0
// The original_src listener filter: upstream connections come from the client's address.
#pragma once

#include "proxy/filters/filter.hpp"

namespace weir::filters {

/// envoy.filters.listener.original_src. The upstream connection, whichever cluster it goes to, has
/// the client's address as its source, in place of the cluster's upstream_bind_config, and its
/// socket carries the mark. Where that is impossible the connection ends (source_not_kept): the
/// address is never lost silently.
class OriginalSrcFilter final : public ListenerFilter {
 public:
  explicit OriginalSrcFilter(const upstream::SourceKeeping& keeping) : keeping_(keeping) {}

  [[nodiscard]] std::string_view name() const override {
    return "envoy.filters.listener.original_src";
  }
  [[nodiscard]] std::unique_ptr<ListenerFilterInstance> instantiate(
      InstanceContext& context) const override;
  [[nodiscard]] Result<void> check_privileges() const override;
  [[nodiscard]] const upstream::SourceKeeping& keeping() const noexcept { return keeping_; }

 private:
  const upstream::SourceKeeping keeping_;
};

}  // namespace weir::filters
