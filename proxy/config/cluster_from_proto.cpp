// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/cluster_from_proto.hpp"

#include <algorithm>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "proxy/config/cluster_http_from_proto.hpp"
#include "proxy/config/config_source_from_proto.hpp"
#include "proxy/config/endpoints_from_proto.hpp"
#include "proxy/config/health_checks_from_proto.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using envoy::config::cluster::v3::CircuitBreakers;
using envoy::config::cluster::v3::Cluster;

DiscoveryType discovery_from_proto(Cluster::DiscoveryType proto) {
  switch (proto) {
    case Cluster::STRICT_DNS:
      return DiscoveryType::strict_dns;
    case Cluster::LOGICAL_DNS:
      return DiscoveryType::logical_dns;
    case Cluster::ORIGINAL_DST:
      return DiscoveryType::original_dst;
    case Cluster::EDS:
      return DiscoveryType::eds;
    default:
      return DiscoveryType::static_hosts;
  }
}

LbPolicy lb_policy_from_proto(Cluster::LbPolicy proto) {
  switch (proto) {
    case Cluster::LEAST_REQUEST:
      return LbPolicy::least_request;
    case Cluster::RANDOM:
      return LbPolicy::random;
    case Cluster::CLUSTER_PROVIDED:
      return LbPolicy::cluster_provided;
    default:
      return LbPolicy::round_robin;
  }
}

DnsLookupFamily lookup_family_from_proto(Cluster::DnsLookupFamily proto) {
  switch (proto) {
    case Cluster::V4_ONLY:
      return DnsLookupFamily::v4_only;
    case Cluster::V6_ONLY:
      return DnsLookupFamily::v6_only;
    case Cluster::V4_PREFERRED:
      return DnsLookupFamily::v4_preferred;
    case Cluster::ALL:
      return DnsLookupFamily::all;
    default:
      return DnsLookupFamily::automatic;
  }
}

void check_lb_policy(const Cluster& proto, const ParseContext& context) {
  const bool original_dst = proto.type() == Cluster::ORIGINAL_DST;
  const bool provided = proto.lb_policy() == Cluster::CLUSTER_PROVIDED;
  const std::string policy = Cluster::LbPolicy_Name(proto.lb_policy());
  if (original_dst && !provided)
    context.field("lb_policy")
        .error("cluster: LB policy " + policy +
               " is not valid for Cluster type ORIGINAL_DST. Only 'CLUSTER_PROVIDED' is allowed "
               "with cluster type "
               "'ORIGINAL_DST'");
  if (!original_dst && provided)
    context.field("lb_policy")
        .error("cluster: LB policy CLUSTER_PROVIDED cannot be combined with cluster type " +
               Cluster::DiscoveryType_Name(proto.type()));
}

void read_retry_budget(const CircuitBreakers::Thresholds::RetryBudget& proto,
                       const ParseContext& context, CircuitBreakerConfig& limits) {
  limits.retry_budget_percent = proto.has_budget_percent() ? proto.budget_percent().value() : 20.0;
  check_percent(*limits.retry_budget_percent, context.field("budget_percent"));
  if (proto.has_min_retry_concurrency())
    limits.retry_budget_min = proto.min_retry_concurrency().value();
}

void read_thresholds(const CircuitBreakers::Thresholds& proto, const ParseContext& context,
                     CircuitBreakerConfig& limits) {
  if (proto.has_max_connections()) limits.max_connections = proto.max_connections().value();
  if (proto.has_max_pending_requests())
    limits.max_pending_requests = proto.max_pending_requests().value();
  if (proto.has_max_requests()) limits.max_requests = proto.max_requests().value();
  if (proto.has_max_retries()) limits.max_retries = proto.max_retries().value();
  if (proto.has_retry_budget())
    read_retry_budget(proto.retry_budget(), context.field("retry_budget"), limits);
}

void read_circuit_breakers(const CircuitBreakers& proto, const ParseContext& context,
                           ClusterConfig& cluster) {
  for (int i = 0; i < proto.thresholds_size(); ++i) {
    const ParseContext item = context.item("thresholds", i);
    if (proto.thresholds(i).priority() == envoy::config::core::v3::HIGH)
      read_thresholds(proto.thresholds(i), item, cluster.high_limits);
    else
      read_thresholds(proto.thresholds(i), item, cluster.default_limits);
  }
}

void read_dns(const Cluster& proto, const ParseContext& context, ClusterConfig& cluster) {
  read_period(proto.has_dns_refresh_rate(), proto.dns_refresh_rate(),
              context.field("dns_refresh_rate"), cluster.dns_refresh_rate);
  cluster.respect_dns_ttl = proto.respect_dns_ttl();
  cluster.dns_lookup_family = lookup_family_from_proto(proto.dns_lookup_family());
  if (!proto.has_dns_failure_refresh_rate()) return;
  const auto& rate = proto.dns_failure_refresh_rate();
  const ParseContext inside = context.field("dns_failure_refresh_rate");
  ClusterConfig::RefreshRate out;
  if (!rate.has_base_interval()) inside.error("has no base_interval");
  read_period(rate.has_base_interval(), rate.base_interval(), inside.field("base_interval"),
              out.base);
  out.most = out.base * 10;
  read_period(rate.has_max_interval(), rate.max_interval(), inside.field("max_interval"), out.most);
  if (out.most < out.base)
    inside.error("max_interval must be greater than or equal to the base_interval");
  cluster.dns_failure_refresh_rate = out;
}

void read_original_dst(const Cluster& proto, const ParseContext& context, ClusterConfig& cluster) {
  read_period(proto.has_cleanup_interval(), proto.cleanup_interval(),
              context.field("cleanup_interval"), cluster.cleanup_interval);
  if (!proto.has_original_dst_lb_config()) return;
  const auto& config = proto.original_dst_lb_config();
  const ParseContext inside = context.field("original_dst_lb_config");
  if (proto.type() != Cluster::ORIGINAL_DST)
    inside.error("cluster: cluster type " + Cluster::DiscoveryType_Name(proto.type()) +
                 " may not be used with original_dst_lb_config");
  if (!config.http_header_name().empty() && !config.use_http_header())
    inside.field("http_header_name")
        .error(
            "ORIGINAL_DST cluster: invalid config http_header_name=" + config.http_header_name() +
            " and use_http_header is false. Set use_http_header to true if http_header_name is "
            "desired.");
  cluster.use_original_dst_header = config.use_http_header();
  if (!config.http_header_name().empty())
    cluster.original_dst_header = lower_case(config.http_header_name());
  if (config.has_upstream_port_override())
    cluster.upstream_port_override = port_from_proto(config.upstream_port_override().value(),
                                                     inside.field("upstream_port_override"));
}

std::chrono::seconds keepalive_seconds(std::uint32_t value) { return std::chrono::seconds(value); }

void read_connections(const Cluster& proto, const ParseContext& context, ClusterConfig& cluster) {
  if (proto.has_upstream_bind_config()) {
    const auto& bind = proto.upstream_bind_config();
    const ParseContext inside = context.field("upstream_bind_config");
    const ParseContext source = inside.field("source_address");
    if (bind.has_source_address())
      cluster.bind_source = endpoint_from_proto(bind.source_address(), source);
    cluster.freebind = bind.freebind().value();
  }
  if (proto.upstream_connection_options().has_tcp_keepalive()) {
    const auto& keepalive = proto.upstream_connection_options().tcp_keepalive();
    constexpr std::uint32_t kMostProbes = 127;     // MAX_TCP_KEEPCNT, linux/tcp.h
    constexpr std::uint32_t kMostSeconds = 32767;  // MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL
    const ParseContext inside = context.field("upstream_connection_options");
    const ParseContext at = inside.field("tcp_keepalive");
    const auto limited = [&](std::uint32_t value, std::uint32_t most, std::string_view field) {
      if (value > most)
        at.field(field).error("'" + std::to_string(value) + "': must be at most " +
                              std::to_string(most));
      return value;
    };
    cluster.keep_alive = KeepAlive{keepalive_seconds(limited(keepalive.keepalive_time().value(),
                                                             kMostSeconds, "keepalive_time")),
                                   keepalive_seconds(limited(keepalive.keepalive_interval().value(),
                                                             kMostSeconds, "keepalive_interval")),
                                   static_cast<int>(limited(keepalive.keepalive_probes().value(),
                                                            kMostProbes, "keepalive_probes"))};
  }
}

void read_load_balancing(const Cluster& proto, const ParseContext& context,
                         ClusterConfig& cluster) {
  cluster.lb_policy = lb_policy_from_proto(proto.lb_policy());
  check_lb_policy(proto, context);
  cluster.locality_weighted = proto.common_lb_config().has_locality_weighted_lb_config();
  if (!proto.has_least_request_lb_config()) return;
  const auto& config = proto.least_request_lb_config();
  const ParseContext inside = context.field("least_request_lb_config");
  if (!config.has_choice_count()) return;
  cluster.least_request_choices = config.choice_count().value();
  if (cluster.least_request_choices < 2)
    inside.field("choice_count").error("must be greater than or equal to 2");
}

void read_eds(const Cluster& proto, const ParseContext& context, ClusterConfig& cluster) {
  if (cluster.discovery != DiscoveryType::eds) {
    if (proto.has_eds_cluster_config())
      context.field("eds_cluster_config").error("eds_cluster_config set in a non-EDS cluster");
    return;
  }
  if (proto.has_load_assignment())
    context.field("load_assignment").error("an EDS cluster gets its endpoints from eds_config");
  if (!proto.eds_cluster_config().has_eds_config())
    return context.error("an EDS cluster needs eds_cluster_config.eds_config");
  const ParseContext inside = context.field("eds_cluster_config");
  cluster.eds_service_name = proto.eds_cluster_config().service_name();
  cluster.eds_source =
      config_source_from_proto(proto.eds_cluster_config().eds_config(), inside.field("eds_config"));
}

/// As in Envoy, weights of localities count only where the cluster asks for it.
void report_idle_weights(const ClusterConfig& cluster, const ParseContext& context) {
  const auto has_weight = [](const EndpointConfig& e) { return e.locality_weight != 0; };
  if (!cluster.locality_weighted &&
      std::any_of(cluster.endpoints.begin(), cluster.endpoints.end(), has_weight))
    context.warning(
        "the localities' load_balancing_weight has no effect without "
        "common_lb_config.locality_weighted_lb_config");
}

}  // namespace

ClusterConfig cluster_from_proto(const Cluster& proto, const ParseContext& context) {
  ClusterConfig cluster;
  cluster.name = proto.name();
  if (cluster.name.empty()) context.error("cluster has no name");
  cluster.alt_stat_name = proto.alt_stat_name();
  cluster.discovery = discovery_from_proto(proto.type());
  read_load_balancing(proto, context, cluster);
  read_period(proto.has_connect_timeout(), proto.connect_timeout(),
              context.field("connect_timeout"), cluster.connect_timeout);
  read_circuit_breakers(proto.circuit_breakers(), context.field("circuit_breakers"), cluster);
  if (proto.has_per_connection_buffer_limit_bytes())
    cluster.per_connection_buffer_limit = proto.per_connection_buffer_limit_bytes().value();
  read_dns(proto, context, cluster);
  read_original_dst(proto, context, cluster);
  read_eds(proto, context, cluster);
  read_connections(proto, context, cluster);
  read_cluster_http(proto, context, cluster);
  read_cluster_health(proto, context, cluster);
  if (proto.has_load_assignment()) {
    const ParseContext inside = context.field("load_assignment");
    if (cluster.discovery == DiscoveryType::original_dst)
      inside.error("ORIGINAL_DST clusters must have no load assignment configured");
    else
      cluster.endpoints = endpoints_from_proto(proto.load_assignment(), cluster.discovery, inside);
    report_idle_weights(cluster, inside);
  }
  if (cluster.discovery == DiscoveryType::logical_dns && cluster.endpoints.size() != 1)
    context.error(
        "LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint");
  return cluster;
}

}  // namespace weir::config
