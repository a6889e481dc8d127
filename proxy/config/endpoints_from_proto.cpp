// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/endpoints_from_proto.hpp"

#include <limits>
#include <map>

#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "proxy/config/proto_values.hpp"

namespace weir::config {
namespace {

using envoy::config::core::v3::HealthStatus;
using envoy::config::core::v3::SocketAddress;
using envoy::config::endpoint::v3::ClusterLoadAssignment;
using envoy::config::endpoint::v3::LbEndpoint;

constexpr std::uint32_t kLowestPriority = 128;

bool is_usable(HealthStatus status) {
  using namespace envoy::config::core::v3;
  return status == UNKNOWN || status == HEALTHY || status == DEGRADED;
}

void read_address(const SocketAddress& proto, DiscoveryType discovery, const ParseContext& context,
                  EndpointConfig& endpoint) {
  const ParseContext address = context.field("address");
  endpoint.host = proto.address();
  if (endpoint.host.empty()) {
    address.error("address is empty");
  } else if (const auto ip = IpAddress::parse(endpoint.host); ip) {
    endpoint.host = ip->to_string();
  } else if (discovery == DiscoveryType::static_hosts || discovery == DiscoveryType::eds) {
    address.error("malformed IP address: " + endpoint.host +
                  ". Consider setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'");
  }
  if (!proto.has_port_value()) context.error("has no port_value");
  endpoint.port = port_from_proto(proto.port_value(), context.field("port_value"));
}

EndpointConfig endpoint_from_lb_endpoint(const LbEndpoint& proto, DiscoveryType discovery,
                                         const ParseContext& context) {
  EndpointConfig endpoint;
  const ParseContext inside = context.field("endpoint");
  const ParseContext address = inside.field("address");
  endpoint.hostname = proto.endpoint().hostname();
  endpoint.healthy = is_usable(proto.health_status());
  endpoint.degraded = proto.health_status() == envoy::config::core::v3::DEGRADED;
  endpoint.draining = proto.health_status() == envoy::config::core::v3::DRAINING;
  if (const auto* socket_address = socket_address_of(proto.endpoint().address(), address))
    read_address(*socket_address, discovery, address.field("socket_address"), endpoint);
  if (proto.has_load_balancing_weight()) {
    endpoint.weight = proto.load_balancing_weight().value();
    if (endpoint.weight == 0)
      context.field("load_balancing_weight").error("must be greater than or equal to 1");
  }
  return endpoint;
}

}  // namespace

std::vector<EndpointConfig> endpoints_from_proto(const ClusterLoadAssignment& proto,
                                                 DiscoveryType discovery,
                                                 const ParseContext& context) {
  std::vector<EndpointConfig> endpoints;
  std::uint64_t total_weight = 0;
  std::map<std::uint32_t, std::uint64_t> locality_weights;  // by priority
  for (int i = 0; i < proto.endpoints_size(); ++i) {
    const auto& locality = proto.endpoints(i);
    const ParseContext group = context.item("endpoints", i);
    if (locality.priority() > kLowestPriority)
      group.field("priority")
          .error("priority '" + std::to_string(locality.priority()) + "': must be at most 128");
    locality_weights[locality.priority()] += locality.load_balancing_weight().value();
    for (int k = 0; k < locality.lb_endpoints_size(); ++k) {
      EndpointConfig endpoint = endpoint_from_lb_endpoint(locality.lb_endpoints(k), discovery,
                                                          group.item("lb_endpoints", k));
      endpoint.priority = locality.priority();
      endpoint.locality_weight = locality.load_balancing_weight().value();
      endpoint.region = locality.locality().region();
      endpoint.zone = locality.locality().zone();
      endpoint.sub_zone = locality.locality().sub_zone();
      total_weight += endpoint.weight;
      endpoints.push_back(std::move(endpoint));
    }
  }
  if (total_weight > std::numeric_limits<std::uint32_t>::max())
    context.error("the weights of the endpoints add up to more than 4294967295");
  for (const auto& [priority, weight] : locality_weights)
    if (weight > std::numeric_limits<std::uint32_t>::max())
      context.error("the weights of the localities of priority " + std::to_string(priority) +
                    " add up to more than 4294967295");
  return endpoints;
}

}  // namespace weir::config
