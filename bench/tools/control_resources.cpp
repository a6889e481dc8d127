// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/control_resources.hpp"

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/extensions/filters/http/router/v3/router.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"

namespace bench {
namespace {

using envoy::config::cluster::v3::Cluster;
using envoy::config::core::v3::Address;
using envoy::config::core::v3::ConfigSource;
using envoy::config::endpoint::v3::ClusterLoadAssignment;
using envoy::config::listener::v3::Listener;

void set_address(Address& address, const Target& target) {
  address.mutable_socket_address()->set_address(target.address);
  address.mutable_socket_address()->set_port_value(target.port);
}

void set_ads(ConfigSource& source) {
  source.mutable_ads();
  source.set_resource_api_version(envoy::config::core::v3::V3);
}

ClusterLoadAssignment assignment(const std::string& cluster, const Target& target) {
  ClusterLoadAssignment message;
  message.set_cluster_name(cluster);
  set_address(*message.add_endpoints()->add_lb_endpoints()->mutable_endpoint()->mutable_address(),
              target);
  return message;
}

Listener listener(const std::string& name, std::uint16_t port, const char* filter,
                  const google::protobuf::Message& config) {
  Listener message;
  message.set_name(name);
  set_address(*message.mutable_address(), {"127.0.0.1", port});
  auto& added = *message.add_filter_chains()->add_filters();
  added.set_name(filter);
  added.mutable_typed_config()->PackFrom(config);
  return message;
}

void add_host(envoy::config::route::v3::RouteConfiguration& table, const std::string& cluster,
              bool takes_all) {
  auto& host = *table.add_virtual_hosts();
  host.set_name(cluster);
  host.add_domains(cluster + ".example");
  if (takes_all) host.add_domains("*");
  auto& route = *host.add_routes();
  route.mutable_match()->set_prefix("/");
  route.mutable_route()->set_cluster(cluster);
}

}  // namespace

std::string cluster_name(int number) { return "service-" + std::to_string(number); }

std::string eds_cluster(const std::string& name, std::uint32_t connections) {
  Cluster message;
  message.set_name(name);
  message.set_type(Cluster::EDS);
  message.mutable_connect_timeout()->set_seconds(5);
  set_ads(*message.mutable_eds_cluster_config()->mutable_eds_config());
  auto& limits = *message.mutable_circuit_breakers()->add_thresholds();
  limits.mutable_max_connections()->set_value(connections);
  limits.mutable_max_requests()->set_value(connections);
  return message.SerializeAsString();
}

std::string static_cluster(const std::string& name, const Target& target) {
  Cluster message;
  message.set_name(name);
  message.set_type(Cluster::STATIC);
  message.mutable_connect_timeout()->set_seconds(5);
  *message.mutable_load_assignment() = assignment(name, target);
  return message.SerializeAsString();
}

std::string endpoints(const std::string& cluster, const Target& target) {
  return assignment(cluster, target).SerializeAsString();
}

std::string http_listener(const std::string& name, std::uint16_t port, const std::string& routes,
                          const std::string& stat_prefix) {
  envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager manager;
  manager.set_stat_prefix(stat_prefix);
  set_ads(*manager.mutable_rds()->mutable_config_source());
  manager.mutable_rds()->set_route_config_name(routes);
  auto& router = *manager.add_http_filters();
  router.set_name("envoy.filters.http.router");
  router.mutable_typed_config()->PackFrom(envoy::extensions::filters::http::router::v3::Router());
  return listener(name, port, "envoy.filters.network.http_connection_manager", manager)
      .SerializeAsString();
}

std::string tcp_listener(const std::string& name, std::uint16_t port, const std::string& cluster,
                         const std::string& stat_prefix) {
  envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
  proxy.set_stat_prefix(stat_prefix);
  proxy.set_cluster(cluster);
  return listener(name, port, "envoy.filters.network.tcp_proxy", proxy).SerializeAsString();
}

std::string route_table(const std::string& name, int first, int count, const std::string& version) {
  envoy::config::route::v3::RouteConfiguration table;
  table.set_name(name);
  for (int i = 0; i < count; ++i) add_host(table, cluster_name(first + i), i == 0);
  auto& header = *table.add_response_headers_to_add()->mutable_header();
  header.set_key("x-version");
  header.set_value(version);
  return table.SerializeAsString();
}

}  // namespace bench
