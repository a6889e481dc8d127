// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>
#include <tuple>

#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "proxy/config_dump/dump_values.hpp"
#include "proxy/config_dump/sections.hpp"

namespace weir::config_dump {
namespace {

using discovery::ResourceType;
using envoy::admin::v3::EndpointsConfigDump;
using envoy::config::core::v3::HealthStatus;
using envoy::config::endpoint::v3::ClusterLoadAssignment;
using envoy::config::endpoint::v3::LbEndpoint;
using envoy::config::endpoint::v3::LocalityLbEndpoints;
using upstream::HealthFlag;
using upstream::Host;

HealthStatus health_of(const Host& host) {
  using namespace envoy::config::core::v3;
  if (host.health.has(HealthFlag::eds_status_draining)) return DRAINING;
  switch (host.health.state()) {
    case upstream::HealthState::healthy:
      return HEALTHY;
    case upstream::HealthState::degraded:
      return DEGRADED;
    case upstream::HealthState::unhealthy:
      break;
  }
  return host.health.has(HealthFlag::active_hc_timeout) ? TIMEOUT : UNHEALTHY;
}

void fill(const Host& host, LbEndpoint& out) {
  auto& endpoint = *out.mutable_endpoint();
  endpoint.set_hostname(host.hostname);
  auto& address = *endpoint.mutable_address()->mutable_socket_address();
  address.set_address(host.address.endpoint.address.to_string());
  address.set_port_value(host.address.endpoint.port);
  out.set_health_status(health_of(host));
  out.mutable_load_balancing_weight()->set_value(host.weight);
}

/// The hosts as they are now, by priority and locality.
ClusterLoadAssignment assignment_of(const admin::ClusterView& cluster) {
  std::map<std::tuple<std::uint32_t, std::string, std::string, std::string>, LocalityLbEndpoints>
      localities;
  for (const auto& view : cluster.hosts) {
    const Host& host = *view.host;
    auto& locality = localities[{host.priority, host.region, host.zone, host.sub_zone}];
    locality.mutable_locality()->set_region(host.region);
    locality.mutable_locality()->set_zone(host.zone);
    locality.mutable_locality()->set_sub_zone(host.sub_zone);
    locality.set_priority(host.priority);
    locality.mutable_load_balancing_weight()->set_value(host.locality_weight);
    fill(host, *locality.add_lb_endpoints());
  }
  ClusterLoadAssignment assignment;
  assignment.set_cluster_name(cluster.config->eds_name());
  for (auto& [key, locality] : localities) *assignment.add_endpoints() = std::move(locality);
  return assignment;
}

/// What EDS said of it last.
void add_origin(const admin::ClusterView& cluster, const discovery::ResourceStore& store,
                EndpointsConfigDump::DynamicEndpointConfig& out) {
  if (cluster.config->discovery != config::DiscoveryType::eds) return;
  const auto stored = store.endpoints().find(cluster.config->eds_name());
  if (stored == store.endpoints().end()) return;
  if (stored->second.config != nullptr) {
    out.set_version_info(stored->second.version);
    *out.mutable_last_updated() = timestamp_of(stored->second.updated);
  }
  if (stored->second.error) *out.mutable_error_state() = failure_of(*stored->second.error);
}

/// Errors that stand with no cluster.
void add_failures(const DumpContext& context, const std::set<std::string>& shown,
                  EndpointsConfigDump& dump) {
  const auto& store = context.input.store;
  for (const auto& [name, stored] : store.endpoints())
    if (stored.error && context.wants(name) && !shown.contains(name))
      *dump.add_dynamic_endpoint_configs()->mutable_error_state() = failure_of(*stored.error);
  for (const auto& [source, failure] : store.failures())
    if (source.first == ResourceType::endpoints && context.wants(""))
      *dump.add_dynamic_endpoint_configs()->mutable_error_state() = failure_of(failure);
}

}  // namespace

EndpointsConfigDump dump_endpoints(const DumpContext& context) {
  EndpointsConfigDump dump;
  std::set<std::string> shown;  // dynamic ones
  for (const auto& cluster : context.input.clusters) {
    if (!context.wants(cluster.config->eds_name())) continue;
    const auto assignment = assignment_of(cluster);
    if (!cluster.added_via_api) {
      dump.add_static_endpoint_configs()->mutable_endpoint_config()->PackFrom(assignment);
      continue;
    }
    auto& dynamic = *dump.add_dynamic_endpoint_configs();
    dynamic.mutable_endpoint_config()->PackFrom(assignment);
    add_origin(cluster, context.input.store, dynamic);
    shown.insert(assignment.cluster_name());
  }
  add_failures(context, shown, dump);
  return dump;
}

}  // namespace weir::config_dump
