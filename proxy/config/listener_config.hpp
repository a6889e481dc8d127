// SPDX-License-Identifier: Apache-2.0
// What a listener is, after parsing: narrow types, no proto, immutable once it is in a Snapshot.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/addresses.hpp"
#include "proxy/access_log/access_log_config.hpp"
#include "proxy/config/config_origin.hpp"
#include "proxy/config/config_source.hpp"

namespace weir::config {

/// core.v3.TrafficDirection. Draining stops inbound listeners first.
enum class TrafficDirection : std::uint8_t { unspecified, inbound, outbound };

/// One address of a listener (Listener.address or additional_addresses).
struct ListenerAddressConfig {
  ListenAddress address;
  /// SocketAddress.ipv4_compat: an IPv6 socket that takes IPv4 too. Only for [::] and
  /// ::ffff:a.b.c.d.
  bool ipv4_compat = false;
  bool operator==(const ListenerAddressConfig&) const = default;
};

/// core.v3.SocketOption. `value` holds the bytes that setsockopt(2) gets.
struct SocketOptionConfig {
  enum class State : std::uint8_t { pre_bind, bound, listening };
  int level = 0;
  int name = 0;
  std::string value;
  State state = State::pre_bind;
  bool operator==(const SocketOptionConfig&) const = default;
};

/// FilterChainMatch.ConnectionSourceType.
enum class SourceType : std::uint8_t { any, same_ip_or_loopback, external };

/// listener.v3.FilterChainMatch. Empty members match everything. Names are lower case.
struct FilterChainMatchConfig {
  std::optional<std::uint16_t> destination_port;
  std::vector<CidrRange> prefix_ranges;
  std::vector<std::string> server_names;  // exact, or "*.suffix"
  std::string transport_protocol;         // "", "raw_buffer" or "tls"
  std::vector<std::string> application_protocols;
  std::vector<CidrRange> direct_source_prefix_ranges;
  SourceType source_type = SourceType::any;
  std::vector<CidrRange> source_prefix_ranges;
  std::vector<std::uint16_t> source_ports;
  bool operator==(const FilterChainMatchConfig&) const = default;
};

/// A route table that is a resource of its own: http_connection_manager.v3.Rds.
struct RouteTableRef {
  std::string name;
  ConfigSource source;
  std::string stat_prefix;  // of whoever wants it
};

/// The parsed typed_config of one network filter. Immutable and shared by all workers.
/// The registry (filter_registry.hpp) makes them; the filters layer derives the running filter from
/// this.
class NetworkFilterConfig {
 public:
  NetworkFilterConfig() = default;
  NetworkFilterConfig(const NetworkFilterConfig&) = delete;
  NetworkFilterConfig& operator=(const NetworkFilterConfig&) = delete;
  virtual ~NetworkFilterConfig() = default;
  /// Canonical name, e.g. "envoy.filters.network.tcp_proxy".
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Clusters that the filter may pick, for checking references while a Snapshot is built.
  [[nodiscard]] virtual std::vector<std::string> cluster_names() const = 0;
  /// An error for each cluster that must exist and does not.
  [[nodiscard]] virtual std::vector<std::string> check_clusters(
      const std::function<bool(const std::string& name)>& /*exists*/) const {
    return {};
  }
  /// Route tables that it gets while it runs.
  [[nodiscard]] virtual std::span<const RouteTableRef> route_tables() const { return {}; }
  /// What happens where a cluster that need not exist does not.
  [[nodiscard]] virtual std::string_view without_cluster() const {
    return "connections for it will be closed (NC)";
  }
  /// One line for a person: what this filter does with a connection.
  [[nodiscard]] virtual std::string to_string() const = 0;
};

/// The parsed typed_config of one listener filter.
class ListenerFilterConfig {
 public:
  ListenerFilterConfig() = default;
  ListenerFilterConfig(const ListenerFilterConfig&) = delete;
  ListenerFilterConfig& operator=(const ListenerFilterConfig&) = delete;
  virtual ~ListenerFilterConfig() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
};

/// listener.v3.ListenerFilterChainMatchPredicate over the destination port.
struct PortPredicate {
  enum class Kind : std::uint8_t { any, port_range, all_of, any_of, none_of };
  Kind kind = Kind::any;
  std::uint32_t start = 0;  // [start, end), kind port_range
  std::uint32_t end = 0;
  std::vector<PortPredicate> children;  // all_of, any_of; none_of has one

  [[nodiscard]] bool matches(std::uint16_t port) const;
  bool operator==(const PortPredicate&) const = default;
};

struct ListenerFilterEntry {
  std::shared_ptr<const ListenerFilterConfig> filter;
  std::optional<PortPredicate>
      disabled;  // skipped when this matches the (restored) destination port
};

struct FilterChainConfig {
  std::string name;
  FilterChainMatchConfig match;
  std::vector<std::shared_ptr<const NetworkFilterConfig>>
      filters;                    // the last one is terminal; may be empty
  std::uint64_t fingerprint = 0;  // of all that it was made from
};

/// What becomes of connections whose filter chain leaves the configuration: it has changed, or the
/// listener has, or is gone. The version that leaves says it.
struct DrainPolicy {
  enum class Kind : std::uint8_t {
    on_change,  // told to drain; ended after the drain time of the command line
    within,     // told to drain; ended after `time`
    never       // neither: they go on as they began
  };
  Kind kind = Kind::on_change;
  std::chrono::milliseconds time{0};
  bool operator==(const DrainPolicy&) const = default;
};

/// listener.v3.Listener.
struct ListenerConfig {
  std::string name;
  std::vector<ListenerAddressConfig> addresses;  // at least one; the first is `address`
  std::string stat_prefix;  // without one, statistics are named by the first address
  std::vector<FilterChainConfig> filter_chains;
  std::optional<FilterChainConfig> default_filter_chain;
  std::vector<ListenerFilterEntry>
      listener_filters;           // use_original_dst already appended its filter at the end
  bool use_original_dst = false;  // hand restored connections to the listener that owns them
  bool bind_to_port = true;
  bool transparent = false;
  bool freebind = false;
  bool reuse_port = true;
  bool ignore_global_connection_limit = false;
  /// Runtime key envoy.resource_limits.listener.NAME.connection_limit.
  std::optional<std::uint64_t> connection_limit;
  std::optional<std::uint32_t> tcp_backlog;                   // default SOMAXCONN
  std::chrono::milliseconds listener_filters_timeout{15000};  // 0 = none
  bool continue_on_listener_filters_timeout = false;
  TrafficDirection direction = TrafficDirection::unspecified;
  std::uint32_t per_connection_buffer_limit = 1024 * 1024;  // bytes, each direction
  std::vector<SocketOptionConfig> socket_options;
  std::vector<access_log::AccessLogConfig>
      access_logs;  // connections that never reach a filter chain

  /// Of all that it was made from but the filter chains.
  std::uint64_t frame_fingerprint = 0;
  /// Null: the bootstrap has it.
  std::shared_ptr<const ConfigOrigin> origin;

  DrainPolicy drain_policy;
  /// drain_type is not MODIFY_ONLY: POST /healthcheck/fail drains its connections, too.
  bool drains_on_failed_health_check = true;

  /// Statistics name: stat_prefix, or the first address with ':' as '_' ("0.0.0.0_15001",
  /// "[__1]_80").
  [[nodiscard]] std::string stats_name() const;
};

/// Calls `visit` with each route table that filters of the listener get while they run, until it
/// returns false. @return whether it never did.
bool each_route_table(const ListenerConfig& listener,
                      const std::function<bool(const RouteTableRef&)>& visit);

}  // namespace weir::config
