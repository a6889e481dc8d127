// SPDX-License-Identifier: Apache-2.0
// Registry: what a directory of files says, as values: services, routing rules, mesh settings,
// finished resources.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/ip.hpp"
#include "control/resource_set.hpp"
#include "proxy/config/diagnostics.hpp"

namespace weir::control {

using Labels = std::map<std::string, std::string>;
using Duration = std::chrono::nanoseconds;

/// Name and namespace of an object of Kubernetes' kind, and where it was written.
struct ObjectName {
  std::string name;
  std::string name_space = "default";
  config::Place place;
};

/// A resource in Envoy's form, ready to be served.
struct EnvoyResource {
  ResourceType type = ResourceType::cluster;
  std::string name;
  std::shared_ptr<const Resource> resource;
  config::Place place;
};

enum class Protocol : std::uint8_t { http, http2, tls, tcp };

struct ServicePort {
  std::uint16_t number = 0;
  std::uint16_t target = 0;  // 0 = as number, or as the endpoint says
  std::string name;
  Protocol protocol = Protocol::tcp;
};

/// Who answers for a service.
struct ServiceEndpoint {
  std::string address;  // an IP address, or a host name where DNS resolves it
  std::map<std::string, std::uint16_t> ports;  // by the name of the service's port
  Labels labels;
  std::uint32_t weight = 1;
};

enum class Resolution : std::uint8_t { none, fixed, dns };

/// One host: of a ServiceEntry, or of a Service of Kubernetes.
struct Service {
  ObjectName object;
  std::string host;  // may begin with "*."
  std::vector<CidrRange> addresses;
  std::vector<ServicePort> ports;
  Resolution resolution = Resolution::none;
  std::vector<ServiceEndpoint> endpoints;
  bool is_kubernetes = false;
};

/// Endpoints that join the Kubernetes Service of that name.
struct EndpointSlice {
  ObjectName object;
  std::string service;
  std::vector<ServiceEndpoint> endpoints;
};

/// How a text is compared.
struct TextMatch {
  enum class Kind : std::uint8_t { exact, prefix, regex, present };
  Kind kind = Kind::exact;
  std::string text;
};

struct HeaderChange {
  std::vector<std::pair<std::string, std::string>> set;
  std::vector<std::pair<std::string, std::string>> add;
  std::vector<std::string> remove;
};

struct HttpMatch {
  std::optional<TextMatch> uri;
  bool ignore_case = false;
  std::optional<TextMatch> method;
  std::optional<TextMatch> authority;
  std::vector<std::pair<std::string, TextMatch>> headers;
  std::vector<std::pair<std::string, TextMatch>> without_headers;
  std::vector<std::pair<std::string, TextMatch>> query;
  std::uint16_t port = 0;  // 0 = any
};

struct Destination {
  std::string host;
  std::string subset;
  std::uint16_t port = 0;  // 0 = as the request's, or the only one
  std::uint32_t weight = 0;
  HeaderChange request_headers;
  HeaderChange response_headers;
};

struct Redirect {
  std::string uri, authority, scheme;
  std::uint16_t port = 0;
  unsigned code = 301;
};

struct DirectResponse {
  unsigned status = 200;
  std::string body;
};

struct Retries {
  std::uint32_t attempts = 2;
  std::optional<Duration> per_try_timeout;
  std::string retry_on;
};

struct Fault {
  std::optional<Duration> delay;
  double delay_percent = 100;
  std::optional<unsigned> abort_status;
  double abort_percent = 100;
};

struct HttpRoute {
  std::string name;
  std::vector<HttpMatch> matches;  // any of them; empty = everything
  std::vector<Destination> destinations;
  std::optional<Redirect> redirect;
  std::optional<DirectResponse> direct_response;
  std::string rewrite_uri, rewrite_authority;
  std::optional<Duration> timeout;
  std::optional<Retries> retries;
  std::optional<Fault> fault;
  HeaderChange request_headers;
  HeaderChange response_headers;
};

struct VirtualService {
  ObjectName object;
  std::vector<std::string> hosts;
  std::vector<HttpRoute> http;
};

struct OutlierSettings {
  std::optional<std::uint32_t> consecutive_5xx, consecutive_gateway_errors;
  std::optional<Duration> interval, base_ejection_time;
  std::optional<std::uint32_t> max_ejection_percent, min_health_percent;
};

/// What a DestinationRule says about connections; what is not set is inherited.
struct TrafficPolicy {
  std::string balancer;  // "" = not set
  std::optional<Duration> connect_timeout;
  std::optional<std::uint32_t> max_connections, max_pending_requests, max_requests,
      max_requests_per_connection, max_retries;
  std::optional<Duration> idle_timeout;
  std::optional<OutlierSettings> outliers;
};

struct Subset {
  std::string name;
  Labels labels;
  TrafficPolicy policy;
};

struct DestinationRule {
  ObjectName object;
  std::string host;
  TrafficPolicy policy;
  std::vector<Subset> subsets;
};

enum class OutboundPolicy : std::uint8_t { allow_any, registry_only };

struct MeshConfig {
  OutboundPolicy outbound = OutboundPolicy::allow_any;
  std::string access_log_path;
  std::string access_log_format;
  config::Place place;
};

using Object = std::variant<EnvoyResource, Service, EndpointSlice, VirtualService, DestinationRule,
                            MeshConfig>;

struct Registry {
  std::vector<EnvoyResource> resources;
  std::vector<Service> services;  // by host
  std::vector<VirtualService> virtual_services;
  std::vector<DestinationRule> destination_rules;
  MeshConfig mesh;
  /// Whether anything asks for a sidecar's listeners: any object that is not in Envoy's form.
  bool builds_sidecar = false;
};

/// Joins what the files say, in the order of the files. What two of them claim is reported: the
/// first one counts.
Registry build_registry(const std::vector<const std::vector<Object>*>& files,
                        config::Diagnostics& diagnostics);

/// "reviews" → "reviews.<name_space>.svc.cluster.local"; a name with a dot stays.
std::string full_host(const std::string& host, const std::string& name_space);
const Service* find_service(const Registry& registry, std::string_view host);
/// nullptr = none is written for this host.
const DestinationRule* find_destination_rule(const Registry& registry, std::string_view host);

}  // namespace weir::control
