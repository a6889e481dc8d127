// SPDX-License-Identifier: Apache-2.0
// What a tcp_proxy filter is, after parsing: narrow types, no proto.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/access_log/access_log_config.hpp"

namespace envoy::extensions::filters::network::tcp_proxy::v3 {
class TcpProxy;
}
namespace weir::config {
class ParseContext;
}

namespace weir::filters {

/// TcpProxy.WeightedCluster.ClusterWeight.
struct WeightedClusterConfig {
  std::string name;
  std::uint32_t weight = 1;  // ≥ 1
  bool operator==(const WeightedClusterConfig&) const = default;
};

/// tcp_proxy.v3.TcpProxy.
struct TcpProxyConfig {
  std::string stat_prefix;
  std::vector<WeightedClusterConfig> clusters;  // at least one; `cluster` is one of weight 1
  std::chrono::milliseconds idle_timeout{
      std::chrono::hours(1)};                 // no byte in either direction; 0 = none
  std::chrono::milliseconds max_duration{0};  // max_downstream_connection_duration; 0 = none
  std::uint32_t max_connect_attempts = 1;
  std::vector<access_log::AccessLogConfig> access_logs;

  /// Sum of the weights: less than 2^32.
  [[nodiscard]] std::uint32_t total_weight() const;
};

/// Reports every problem through `context`; the result is meaningful only when there was none.
TcpProxyConfig tcp_proxy_from_proto(
    const envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy& proto,
    const config::ParseContext& context);

}  // namespace weir::filters
