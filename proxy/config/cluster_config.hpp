// SPDX-License-Identifier: Apache-2.0
// What a cluster is, after parsing: narrow types, no proto, immutable once it is in a Snapshot.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/addresses.hpp"
#include "common/socket_options.hpp"
#include "proxy/config/config_origin.hpp"
#include "proxy/config/config_source.hpp"
#include "proxy/http/protocol_options.hpp"

namespace weir::config {

/// Cluster.DiscoveryType, as far as it is implemented.
enum class DiscoveryType : std::uint8_t {
  static_hosts,
  strict_dns,
  logical_dns,
  original_dst,
  eds
};
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
  bool healthy = true;    // health_status: UNKNOWN, HEALTHY and DEGRADED count as usable
  bool degraded = false;  // health_status DEGRADED: used when the healthy ones are not enough
  bool draining = false;  // health_status DRAINING, which is not healthy
  bool operator==(const EndpointConfig&) const = default;
};

/// cluster.v3.CircuitBreakers.Thresholds of one priority.
struct CircuitBreakerConfig {
  std::uint32_t max_connections = 1024;
  std::uint32_t max_pending_requests = 1024;
  std::uint32_t max_requests = 1024;
  std::uint32_t max_retries = 3;
  std::optional<double> retry_budget_percent;  // of active requests; replaces max_retries
  std::uint32_t retry_budget_min = 3;
  bool operator==(const CircuitBreakerConfig&) const = default;
};

/// What the cluster's hosts speak. `downstream`: what the client speaks
/// (use_downstream_protocol_config).
enum class UpstreamProtocol : std::uint8_t { http1, http2, downstream };

/// core.v3.HealthCheck: one active check of every host.
struct HealthCheckConfig {
  enum class Kind : std::uint8_t { tcp, http, grpc };
  Kind kind = Kind::tcp;
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds interval{0};
  std::chrono::milliseconds initial_jitter{0};
  std::chrono::milliseconds interval_jitter{0};
  std::uint32_t interval_jitter_percent = 0;
  std::uint32_t unhealthy_threshold = 1;
  std::uint32_t healthy_threshold = 1;
  std::chrono::milliseconds no_traffic_interval{60000};
  std::chrono::milliseconds unhealthy_interval{0};       // 0 = interval
  std::chrono::milliseconds unhealthy_edge_interval{0};  // 0 = unhealthy_interval
  std::chrono::milliseconds healthy_edge_interval{0};    // 0 = interval
  bool reuse_connection = true;
  std::optional<std::uint16_t> port;  // of each host; nullopt = its own
  // tcp
  std::string send;                  // bytes
  std::vector<std::string> receive;  // bytes that appear in this order
  // http
  std::string host;  // "" = the cluster's name
  std::string path;
  std::string method = "GET";
  std::vector<std::pair<std::uint16_t, std::uint16_t>> expected_statuses;  // [first, last]; 200
  std::vector<std::pair<std::uint16_t, std::uint16_t>> retriable_statuses;
  std::vector<std::pair<std::string, std::string>> request_headers;  // lower-case names
  bool http2 = false;                                                // codec_client_type
  // grpc
  std::string grpc_service;
  std::string grpc_authority;
  bool operator==(const HealthCheckConfig&) const = default;
};

/// cluster.v3.OutlierDetection, as far as it is implemented.
struct OutlierDetectionConfig {
  std::uint32_t consecutive_5xx = 5;
  std::uint32_t consecutive_gateway_failure = 5;
  std::uint32_t consecutive_local_origin_failure = 5;
  std::uint32_t enforcing_consecutive_5xx = 100;  // percent
  std::uint32_t enforcing_consecutive_gateway_failure = 0;
  std::uint32_t enforcing_consecutive_local_origin_failure = 100;
  std::uint32_t enforcing_success_rate = 100;
  std::uint32_t enforcing_local_origin_success_rate = 100;
  std::uint32_t success_rate_minimum_hosts = 5;
  std::uint32_t success_rate_request_volume = 100;
  std::uint32_t success_rate_stdev_factor = 1900;  // thousandths
  std::uint32_t enforcing_failure_percentage = 0;
  std::uint32_t enforcing_local_origin_failure_percentage = 0;
  std::uint32_t failure_percentage_threshold = 85;
  std::uint32_t failure_percentage_minimum_hosts = 5;
  std::uint32_t failure_percentage_request_volume = 50;
  std::uint32_t max_ejection_percent = 10;
  bool always_eject_one_host = false;
  bool split_external_local_origin_errors = false;
  std::chrono::milliseconds interval{10000};
  std::chrono::milliseconds base_ejection_time{30000};
  std::chrono::milliseconds max_ejection_time{300000};
  bool operator==(const OutlierDetectionConfig&) const = default;
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

  // eds
  std::string eds_service_name;  // eds_cluster_config.service_name; "" = `name`
  std::optional<ConfigSource> eds_source;
  /// What the endpoints are named by: a ClusterLoadAssignment's cluster_name.
  [[nodiscard]] const std::string& eds_name() const {
    return eds_service_name.empty() ? name : eds_service_name;
  }

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

  // HTTP
  UpstreamProtocol protocol = UpstreamProtocol::http1;
  http::HttpOptions http;  // idle_timeout 1 h when not given
  http::Http1Options http1;
  http::Http2Options http2;
  std::vector<HealthCheckConfig> health_checks;
  std::optional<OutlierDetectionConfig> outlier_detection;
  /// common_lb_config.healthy_panic_threshold, percent: fewer healthy hosts than that, and all are
  /// picked from.
  double panic_threshold = 50;
  bool close_connections_on_health_failure = false;
  bool ignore_health_on_removal = false;

  // original_dst
  bool use_original_dst_header = false;  // original_dst_lb_config.use_http_header
  std::string original_dst_header = "x-envoy-original-dst-host";
  std::optional<std::uint16_t> upstream_port_override;
  std::chrono::milliseconds cleanup_interval{5000};

  /// upstream_bind_config.source_address, port 0 = the kernel picks one late, per destination.
  std::optional<Endpoint> bind_source;
  bool freebind = false;
  /// upstream_connection_options.tcp_keepalive; nullopt = Weir's default, which is on.
  std::optional<KeepAlive> keep_alive;

  /// Null: the bootstrap has it.
  std::shared_ptr<const ConfigOrigin> origin;

  [[nodiscard]] const std::string& stats_name() const {
    return alt_stat_name.empty() ? name : alt_stat_name;
  }
};

}  // namespace weir::config
