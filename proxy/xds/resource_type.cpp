// SPDX-License-Identifier: Apache-2.0
#include "proxy/xds/resource_type.hpp"

#include <cstddef>

namespace weir::xds {
namespace {

struct Names {
  std::string_view url;
  std::string_view short_name;
  std::string_view stream;
  std::string_view delta;
};

constexpr Names kNames[] = {
    {"type.googleapis.com/envoy.config.cluster.v3.Cluster", "cds",
     "/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters",
     "/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters"},
    {"type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "eds",
     "/envoy.service.endpoint.v3.EndpointDiscoveryService/StreamEndpoints",
     "/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints"},
    {"type.googleapis.com/envoy.config.listener.v3.Listener", "lds",
     "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners",
     "/envoy.service.listener.v3.ListenerDiscoveryService/DeltaListeners"},
    {"type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "rds",
     "/envoy.service.route.v3.RouteDiscoveryService/StreamRoutes",
     "/envoy.service.route.v3.RouteDiscoveryService/DeltaRoutes"},
};

constexpr Names kAggregated = {
    "", "ads", "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources",
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"};

const Names& names_of(ResourceType type) { return kNames[static_cast<std::size_t>(type)]; }

}  // namespace

std::string_view type_url(ResourceType type) noexcept { return names_of(type).url; }
std::string_view short_name(ResourceType type) noexcept { return names_of(type).short_name; }

std::optional<ResourceType> find_resource_type(std::string_view url) noexcept {
  for (const ResourceType type : kResourceTypes)
    if (url == type_url(type)) return type;
  return std::nullopt;
}

std::string_view method_path(std::optional<ResourceType> type, Protocol protocol) noexcept {
  const Names& names = type ? names_of(*type) : kAggregated;
  return protocol == Protocol::sotw ? names.stream : names.delta;
}

}  // namespace weir::xds
