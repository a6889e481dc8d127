// SPDX-License-Identifier: Apache-2.0
// The tcp_proxy network filter: one upstream connection for each downstream one, bytes as they are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/filters/network/tcp_proxy/tcp_proxy_config.hpp"

namespace weir::filters {

/// envoy.filters.network.tcp_proxy. Immutable, shared by all workers.
class TcpProxyFilter final : public NetworkFilter {
 public:
  explicit TcpProxyFilter(TcpProxyConfig config) : config_(std::move(config)) {}

  [[nodiscard]] std::string_view name() const override { return "envoy.filters.network.tcp_proxy"; }
  [[nodiscard]] std::vector<std::string> cluster_names() const override;
  [[nodiscard]] std::string to_string() const override;
  [[nodiscard]] std::unique_ptr<NetworkFilterInstance> instantiate(
      InstanceContext& context) const override;
  [[nodiscard]] std::span<const access_log::AccessLogConfig> access_logs() const override {
    return config_.access_logs;
  }

 private:
  const TcpProxyConfig config_;
};

}  // namespace weir::filters
