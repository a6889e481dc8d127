// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "control/builders.hpp"
#include "control/envoy_parts.hpp"
#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"

namespace weir::control {
namespace {

using envoy::config::cluster::v3::Cluster;
using envoy::config::endpoint::v3::ClusterLoadAssignment;
using std::chrono::seconds;

/// No limit: what is not asked for must not fail requests.
constexpr std::uint32_t kUnlimited = UINT32_MAX;

bool has_labels(const ServiceEndpoint& endpoint, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = endpoint.labels.find(label.first);
    return found != endpoint.labels.end() && found->second == label.second;
  });
}

std::uint16_t endpoint_port(const ServiceEndpoint& endpoint, const ServicePort& port) {
  if (const auto found = endpoint.ports.find(port.name); found != endpoint.ports.end())
    return found->second;
  return port.target != 0 ? port.target : port.number;
}

void add_endpoint(ClusterLoadAssignment& assignment, const std::string& address, std::uint16_t port,
                  std::uint32_t weight) {
  if (assignment.endpoints().empty()) assignment.add_endpoints();
  auto& endpoint = *assignment.mutable_endpoints(0)->add_lb_endpoints();
  set_address(*endpoint.mutable_endpoint()->mutable_address(), address, port);
  endpoint.mutable_load_balancing_weight()->set_value(weight);
}

ClusterLoadAssignment load_assignment(const std::string& name, const Service& service,
                                      const ServicePort& port, const Labels& labels) {
  ClusterLoadAssignment out;
  out.set_cluster_name(name);
  if (service.endpoints.empty() && service.resolution == Resolution::dns)
    add_endpoint(out, service.host, port.target != 0 ? port.target : port.number, 1);
  for (const ServiceEndpoint& endpoint : service.endpoints)
    if (has_labels(endpoint, labels))
      add_endpoint(out, endpoint.address, endpoint_port(endpoint, port), endpoint.weight);
  return out;
}

/// What `over` sets, the rest from `under`.
TrafficPolicy merged(const TrafficPolicy& under, const TrafficPolicy& over) {
  TrafficPolicy out = under;
  const auto take = [](auto& field, const auto& value) {
    if (value) field = value;
  };
  if (!over.balancer.empty()) out.balancer = over.balancer;
  take(out.connect_timeout, over.connect_timeout);
  take(out.max_connections, over.max_connections);
  take(out.max_pending_requests, over.max_pending_requests);
  take(out.max_requests, over.max_requests);
  take(out.max_requests_per_connection, over.max_requests_per_connection);
  take(out.max_retries, over.max_retries);
  take(out.idle_timeout, over.idle_timeout);
  take(out.outliers, over.outliers);
  return out;
}

void set_outliers(Cluster& cluster, const OutlierSettings& settings) {
  auto& out = *cluster.mutable_outlier_detection();
  if (settings.consecutive_5xx) out.mutable_consecutive_5xx()->set_value(*settings.consecutive_5xx);
  // A threshold that is set ejects always; Envoy's default for gateway errors is never.
  if (settings.consecutive_5xx)
    out.mutable_enforcing_consecutive_5xx()->set_value(*settings.consecutive_5xx > 0 ? 100 : 0);
  if (settings.consecutive_gateway_errors) {
    const std::uint32_t errors = *settings.consecutive_gateway_errors;
    out.mutable_consecutive_gateway_failure()->set_value(errors);
    out.mutable_enforcing_consecutive_gateway_failure()->set_value(errors > 0 ? 100 : 0);
  }
  out.mutable_enforcing_success_rate()->set_value(0);
  if (settings.interval) set_duration(*out.mutable_interval(), *settings.interval);
  if (settings.base_ejection_time)
    set_duration(*out.mutable_base_ejection_time(), *settings.base_ejection_time);
  if (settings.max_ejection_percent)
    out.mutable_max_ejection_percent()->set_value(*settings.max_ejection_percent);
  if (settings.min_health_percent)
    cluster.mutable_common_lb_config()->mutable_healthy_panic_threshold()->set_value(
        *settings.min_health_percent);
}

void set_limits(Cluster& cluster, const TrafficPolicy& policy) {
  auto& limits = *cluster.mutable_circuit_breakers()->add_thresholds();
  limits.mutable_max_connections()->set_value(policy.max_connections.value_or(kUnlimited));
  limits.mutable_max_pending_requests()->set_value(
      policy.max_pending_requests.value_or(kUnlimited));
  limits.mutable_max_requests()->set_value(policy.max_requests.value_or(kUnlimited));
  limits.mutable_max_retries()->set_value(policy.max_retries.value_or(kUnlimited));
}

/// HTTP/2, limits of a connection's life: what only HTTP ports have.
void set_http_options(Cluster& cluster, const ServicePort& port, const TrafficPolicy& policy) {
  envoy::extensions::upstreams::http::v3::HttpProtocolOptions options;
  if (port.protocol == Protocol::http2)
    options.mutable_explicit_http_config()->mutable_http2_protocol_options();
  else
    options.mutable_explicit_http_config()->mutable_http_protocol_options();
  auto& common = *options.mutable_common_http_protocol_options();
  if (policy.idle_timeout) set_duration(*common.mutable_idle_timeout(), *policy.idle_timeout);
  if (policy.max_requests_per_connection.value_or(0) > 0)
    common.mutable_max_requests_per_connection()->set_value(*policy.max_requests_per_connection);
  const bool is_plain = port.protocol == Protocol::http && !policy.idle_timeout &&
                        policy.max_requests_per_connection.value_or(0) == 0;
  if (is_plain || !is_http(port)) return;
  (*cluster.mutable_typed_extension_protocol_options())
      ["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]
          .PackFrom(options);
}

void set_policy(Cluster& cluster, const TrafficPolicy& policy) {
  set_duration(*cluster.mutable_connect_timeout(), policy.connect_timeout.value_or(seconds(10)));
  set_limits(cluster, policy);
  if (policy.outliers) set_outliers(cluster, *policy.outliers);
  if (cluster.type() == Cluster::ORIGINAL_DST)
    cluster.set_lb_policy(Cluster::CLUSTER_PROVIDED);
  else if (policy.balancer == "ROUND_ROBIN")
    cluster.set_lb_policy(Cluster::ROUND_ROBIN);
  else if (policy.balancer == "RANDOM")
    cluster.set_lb_policy(Cluster::RANDOM);
  else
    cluster.set_lb_policy(Cluster::LEAST_REQUEST);
}

class ServiceClusters {
 public:
  ServiceClusters(const Service& service, const DestinationRule* rule, ResourceSet& out)
      : service_(service), rule_(rule), out_(out) {}

  void add(const ServicePort& port) {
    const TrafficPolicy all = rule_ != nullptr ? rule_->policy : TrafficPolicy{};
    add_cluster(port, "", {}, all);
    if (rule_ == nullptr) return;
    for (const Subset& subset : rule_->subsets)
      add_cluster(port, subset.name, subset.labels, merged(all, subset.policy));
  }

 private:
  void add_cluster(const ServicePort& port, const std::string& subset, const Labels& labels,
                   const TrafficPolicy& policy) {
    Cluster cluster;
    const std::string name = cluster_name(port.number, subset, service_.host);
    cluster.set_name(name);
    ClusterLoadAssignment assignment = load_assignment(name, service_, port, labels);
    switch (service_.resolution) {
      case Resolution::none:
        cluster.set_type(Cluster::ORIGINAL_DST);
        break;
      case Resolution::fixed:
        cluster.set_type(Cluster::EDS);
        cluster.mutable_eds_cluster_config()->set_service_name(name);
        set_ads(*cluster.mutable_eds_cluster_config()->mutable_eds_config());
        out_.add(ResourceType::endpoint, name, assignment);
        break;
      case Resolution::dns:
        cluster.set_type(Cluster::STRICT_DNS);
        cluster.set_dns_lookup_family(Cluster::V4_ONLY);
        cluster.set_respect_dns_ttl(true);
        cluster.mutable_load_assignment()->Swap(&assignment);
        break;
    }
    set_policy(cluster, policy);
    set_http_options(cluster, port, policy);
    if (rule_ != nullptr)
      set_origin(*cluster.mutable_metadata(), "destination-rule", rule_->object);
    out_.add(ResourceType::cluster, name, cluster);
  }

  const Service& service_;
  const DestinationRule* rule_;
  ResourceSet& out_;
};

void add_original_destination(std::string_view name, ResourceSet& out) {
  Cluster cluster;
  cluster.set_name(std::string(name));
  cluster.set_type(Cluster::ORIGINAL_DST);
  set_policy(cluster, {});
  out.add(ResourceType::cluster, cluster.name(), cluster);
}

}  // namespace

void build_clusters(const Registry& registry, ResourceSet& out) {
  for (const Service& service : registry.services) {
    ServiceClusters clusters(service, find_destination_rule(registry, service.host), out);
    for (const ServicePort& port : service.ports) clusters.add(port);
  }
  add_original_destination(kPassthrough, out);
  Cluster hole;
  hole.set_name(std::string(kBlackHole));
  hole.set_type(Cluster::STATIC);
  set_duration(*hole.mutable_connect_timeout(), seconds(10));
  out.add(ResourceType::cluster, hole.name(), hole);
}

}  // namespace weir::control
