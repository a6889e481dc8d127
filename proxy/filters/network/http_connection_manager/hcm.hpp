// SPDX-License-Identifier: Apache-2.0
// The http_connection_manager network filter.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"

namespace weir::filters {

/// envoy.filters.network.http_connection_manager. Immutable, shared by all workers.
class HttpConnectionManager final : public NetworkFilter {
 public:
  explicit HttpConnectionManager(HcmConfig config) : config_(std::move(config)) {}

  [[nodiscard]] std::string_view name() const override {
    return "envoy.filters.network.http_connection_manager";
  }
  [[nodiscard]] std::vector<std::string> cluster_names() const override;
  [[nodiscard]] std::vector<std::string> check_clusters(
      const std::function<bool(const std::string& name)>& exists) const override {
    return config_.check_clusters(exists);
  }
  [[nodiscard]] std::span<const config::RouteTableRef> route_tables() const override {
    return config_.rds ? std::span(&*config_.rds, 1) : std::span<const config::RouteTableRef>();
  }
  [[nodiscard]] std::string_view without_cluster() const override {
    return "requests for it will be answered 503 (NC)";
  }
  [[nodiscard]] std::string to_string() const override;
  [[nodiscard]] std::unique_ptr<NetworkFilterInstance> instantiate(
      InstanceContext& context) const override;
  [[nodiscard]] std::span<const access_log::AccessLogConfig> access_logs() const override {
    return config_.access_logs;
  }

 private:
  const HcmConfig config_;
};

}  // namespace weir::filters
