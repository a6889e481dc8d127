// SPDX-License-Identifier: Apache-2.0
// ServiceEntry, and Kubernetes' Service and EndpointSlice.
#include <algorithm>

#include "control/parse_file.hpp"

namespace weir::control {
namespace {

/// Whether an address can be connected to without asking DNS.
bool is_ip(const std::string& text) { return bool(IpAddress::parse(text)); }

ServicePort read_entry_port(ObjectReader& reader) {
  ServicePort port;
  port.number = reader.port("number");
  port.target = reader.port("targetPort");
  port.name = reader.text("name");
  const std::string protocol = reader.text("protocol");
  port.protocol = protocol_of(protocol.empty() ? port.name : protocol);
  if (port.number == 0) reader.error("number", "a port needs a number");
  return port;
}

ServiceEndpoint read_entry_endpoint(ObjectReader& reader) {
  ServiceEndpoint endpoint;
  endpoint.address = reader.text("address");
  if (endpoint.address.empty()) reader.error("address", "an endpoint needs an address");
  reader.object("ports", [&](ObjectReader& ports) {
    // Names that the author chose: every field is one.
    for (const auto& name : ports.names()) endpoint.ports[name] = ports.port(name);
  });
  endpoint.labels = read_labels(reader, "labels");
  endpoint.weight = std::max(1u, reader.number("weight").value_or(1));
  reader.ignore({"locality", "network", "serviceAccount"});
  return endpoint;
}

Resolution read_resolution(ObjectReader& spec) {
  const std::string text = spec.text("resolution");
  if (text == "STATIC") return Resolution::fixed;
  if (text == "DNS" || text == "DNS_ROUND_ROBIN") return Resolution::dns;
  if (!text.empty() && text != "NONE")
    spec.error("resolution", "'" + text + "': expected NONE, STATIC, DNS or DNS_ROUND_ROBIN");
  return Resolution::none;
}

void read_addresses(ObjectReader& spec, std::string_view field,
                    const std::vector<std::string>& texts, Service& service) {
  for (const std::string& text : texts) {
    auto range = CidrRange::parse(text);
    if (range)
      service.addresses.push_back(*range);
    else
      spec.error(field, range.error().message);
  }
}

void check_entry(ObjectReader& spec, const Service& service) {
  if (service.ports.empty()) spec.error("ports", "a ServiceEntry needs at least one port");
  const bool resolves = service.resolution == Resolution::dns;
  for (const ServiceEndpoint& endpoint : service.endpoints)
    if (!resolves && !is_ip(endpoint.address))
      spec.error("endpoints",
                 "address '" + endpoint.address + "': only resolution DNS takes a host name");
  if (service.resolution == Resolution::none && !service.endpoints.empty())
    spec.error("endpoints",
               "resolution NONE takes no endpoints: connections go where they were sent");
  if (service.resolution == Resolution::fixed && service.endpoints.empty())
    spec.error("endpoints", "resolution STATIC needs endpoints");
}

/// NodePort and the like only say how traffic comes in from outside.
void ignore_service_fields(ObjectReader& spec) {
  spec.ignore({"selector", "type", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "sessionAffinity",
               "internalTrafficPolicy", "externalTrafficPolicy", "publishNotReadyAddresses"});
}

}  // namespace

void parse_service_entry(ObjectReader& root, std::vector<Object>& out) {
  Service service;
  service.object = read_object_name(root);
  std::vector<std::string> hosts;
  root.object("spec", [&](ObjectReader& spec) {
    hosts = spec.texts("hosts");
    read_addresses(spec, "addresses", spec.texts("addresses"), service);
    spec.objects("ports",
                 [&](ObjectReader& port) { service.ports.push_back(read_entry_port(port)); });
    service.resolution = read_resolution(spec);
    spec.objects("endpoints", [&](ObjectReader& endpoint) {
      service.endpoints.push_back(read_entry_endpoint(endpoint));
    });
    spec.ignore({"location", "exportTo"});
    check_entry(spec, service);
    for (const std::string& host : hosts)
      if (host.starts_with("*.") && service.resolution == Resolution::dns &&
          service.endpoints.empty())
        spec.error(
            "hosts",
            "'" + host + "': a wildcard cannot be resolved; add endpoints, or use resolution NONE");
  });
  if (hosts.empty()) root.error("spec", "has no hosts");
  for (std::string& host : hosts) {
    service.host = std::move(host);
    out.emplace_back(service);
  }
}

void parse_kubernetes_service(ObjectReader& root, std::vector<Object>& out) {
  Service service;
  service.is_kubernetes = true;
  service.resolution = Resolution::fixed;
  service.object = read_object_name(root);
  service.host = full_host(service.object.name, service.object.name_space);
  root.object("spec", [&](ObjectReader& spec) {
    ignore_service_fields(spec);
    const std::string address = spec.text("clusterIP");
    if (!address.empty() && address != "None")
      read_addresses(spec, "clusterIP", {address}, service);
    spec.objects("ports", [&](ObjectReader& reader) {
      ServicePort port;
      port.number = reader.port("port");
      port.name = reader.text("name");
      const std::string target = reader.text("targetPort");
      if (!target.empty() && target.find_first_not_of("0123456789") == std::string::npos)
        port.target = reader.port("targetPort");
      const std::string application = reader.text("appProtocol");
      port.protocol = protocol_of(application.empty() ? port.name : application);
      reader.ignore({"nodePort"});
      const std::string transport = reader.text("protocol");
      if (port.number == 0) reader.error("port", "a port needs a number");
      if (transport.empty() || transport == "TCP") service.ports.push_back(std::move(port));
    });
  });
  out.emplace_back(std::move(service));
}

void parse_endpoint_slice(ObjectReader& root, std::vector<Object>& out) {
  EndpointSlice slice;
  Labels labels;
  root.object("metadata", [&](ObjectReader& metadata) {
    labels = read_labels(metadata, "labels");
    ignore_metadata(metadata);
  });
  slice.object = read_object_name(root);
  slice.service = labels["kubernetes.io/service-name"];
  if (slice.service.empty())
    root.error("metadata", "has no label 'kubernetes.io/service-name': whose endpoints are these?");
  std::map<std::string, std::uint16_t> ports;
  root.objects("ports", [&](ObjectReader& port) {
    ports[port.text("name")] = port.port("port");
    port.ignore({"protocol", "appProtocol"});
  });
  root.ignore({"addressType"});
  root.objects("endpoints", [&](ObjectReader& reader) {
    bool ready = true;
    reader.object("conditions", [&](ObjectReader& conditions) {
      if (conditions.has("ready")) ready = conditions.boolean("ready");
      conditions.ignore({"ready", "serving", "terminating"});
    });
    reader.ignore({"nodeName", "zone", "targetRef", "hostname", "hints"});
    for (const std::string& address : reader.texts("addresses")) {
      if (!is_ip(address)) reader.error("addresses", "'" + address + "' is not an IP address");
      // The slice's labels stand for the Pods' own, which select a subset.
      if (ready) slice.endpoints.push_back({address, ports, labels, 1});
    }
  });
  out.emplace_back(std::move(slice));
}

}  // namespace weir::control
