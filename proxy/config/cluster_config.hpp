// SPDX-License-Identifier: Apache-2.0
// What a cluster is, after parsing: narrow types, no proto, immutable once it is in a Snapshot.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/addresses.hpp"
#include "common/socket_options.hpp"

namespace weir::config {

/// Cluster.DiscoveryType, as far as it is implemented.
enum class DiscoveryType : std::uint8_t { static_hosts, strict_dns, logical_dns, original_dst };
/// Cluster.LbPolicy. cluster_provided belongs to original_dst.
enum class LbPolicy : std::uint8_t { round_robin, least_request, random, cluster_provided };
/// Cluster.DnsLookupFamily. `automatic` = IPv6 first, then IPv4 (Envoy's default).
enum class DnsLookupFamily : std::uint8_t { automatic, v4_only, v6_only, v4_preferred, all };

/// One endpoint.v3.LbEndpoint. `host` is an IP literal, or a DNS name in strict_dns and logical_dns
/// clusters.
struct EndpointConfig {
  std::string host;
  std::uint16_t port = 0;
  std::string hostname;               // Endpoint.hostname, for display
  std::uint32_t weight = 1;           // load_balancing_weight, ≥ 1
  std::uint32_t locality_weight = 0;  // of its locality; counts when the cluster says so
  std::uint32_t priority = 0;
  std::string region, zone, sub_zone;
  bool healthy = true;  // health_status: UNKNOWN, HEALTHY and DEGRADED count as usable
  bool operator==(const EndpointConfig&) const = default;
};

/// cluster.v3.CircuitBreakers.Thresholds of one priority.
struct CircuitBreakerConfig {
  std::uint32_t max_connections = 1024;
  std::uint32_t max_pending_requests = 1024;
  std::uint32_t max_requests = 1024;
  std::uint32_t max_retries = 3;
  bool operator==(const CircuitBreakerConfig&) const = default;
};

/// cluster.v3.Cluster.
struct ClusterConfig {
  std::string name;
  std::string alt_stat_name;  // without one, statistics use `name`
  DiscoveryType discovery = DiscoveryType::static_hosts;
  LbPolicy lb_policy = LbPolicy::round_robin;
  std::uint32_t least_request_choices = 2;
  /// common_lb_config.locality_weighted_lb_config: localities get connections by their weights.
  bool locality_weighted = false;
  std::chrono::milliseconds connect_timeout{5000};
  std::vector<EndpointConfig> endpoints;  // empty = BlackHole: every connection ends at once
  CircuitBreakerConfig default_limits;
  CircuitBreakerConfig high_limits;
  std::uint32_t per_connection_buffer_limit = 1024 * 1024;

  // strict_dns, logical_dns
  std::chrono::milliseconds dns_refresh_rate{5000};
  bool respect_dns_ttl = false;
  /// Wait after a failed lookup: from `base`, doubling up to `most`.
  struct RefreshRate {
    std::chrono::milliseconds base{0};
    std::chrono::milliseconds most{0};
    bool operator==(const RefreshRate&) const = default;
  };
  std::optional<RefreshRate> dns_failure_refresh_rate;  // nullopt = dns_refresh_rate
  DnsLookupFamily dns_lookup_family = DnsLookupFamily::automatic;

  // original_dst
  std::optional<std::uint16_t> upstream_port_override;
  std::chrono::milliseconds cleanup_interval{5000};

  /// upstream_bind_config.source_address, port 0 = the kernel picks one late, per destination.
  std::optional<Endpoint> bind_source;
  bool freebind = false;
  /// upstream_connection_options.tcp_keepalive; nullopt = Weir's default, which is on.
  std::optional<KeepAlive> keep_alive;

  [[nodiscard]] const std::string& stats_name() const {
    return alt_stat_name.empty() ? name : alt_stat_name;
  }
};

}  // namespace weir::config
