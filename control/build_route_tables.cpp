// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "control/builders.hpp"
#include "control/envoy_parts.hpp"
#include "envoy/config/route/v3/route.pb.h"

namespace weir::control {
namespace {

using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;

/// "*.example.com" takes "a.example.com" and "*.a.example.com".
bool covers(std::string_view pattern, std::string_view host) {
  if (pattern == "*" || pattern == host) return true;
  return pattern.starts_with("*.") && host.size() > pattern.size() - 1 &&
         host.ends_with(pattern.substr(1));
}

/// The rules for a host: those that name it before those with a wildcard.
const VirtualService* find_rules(const Registry& registry, std::string_view host) {
  const VirtualService* found = nullptr;
  for (const VirtualService& rules : registry.virtual_services) {
    if (rules.http.empty()) continue;
    for (const std::string& pattern : rules.hosts) {
      if (pattern == host) return &rules;
      if (found == nullptr && covers(pattern, host)) found = &rules;
    }
  }
  return found;
}

/// The names by which a workload may call the service.
std::vector<std::string> names_of(const Service& service, const NodeIdentity& node) {
  std::vector<std::string> names{service.host};
  if (service.is_kubernetes) {
    const ObjectName& object = service.object;
    if (object.name_space == node.name_space) names.push_back(object.name);
    names.push_back(object.name + "." + object.name_space);
    names.push_back(object.name + "." + object.name_space + ".svc");
  }
  for (const CidrRange& range : service.addresses)
    if (range.length() == range.address().bits()) {
      const std::string text = range.address().to_string();
      names.push_back(range.address().is_v4() ? text : "[" + text + "]");
    }
  return names;
}

class RouteTable {
 public:
  RouteTable(const Registry& registry, std::uint16_t port) : registry_(registry), port_(port) {
    table_.set_name(std::to_string(port));
    table_.mutable_validate_clusters()->set_value(false);
  }

  void add_service(const Service& service, const NodeIdentity& node) {
    VirtualHost host;
    for (const std::string& name : names_of(service, node)) add_domains(host, name);
    if (host.domains().empty()) return;
    host.set_name(service.host + ":" + std::to_string(port_));
    if (const VirtualService* rules = find_rules(registry_, service.host))
      add_rules(host, *rules);
    else
      *host.add_routes() = default_route(cluster_name(port_, "", service.host));
    *table_.add_virtual_hosts() = std::move(host);
  }

  /// For rules whose hosts are no services.
  void add_rules_of(const VirtualService& rules) {
    for (const std::string& name : rules.hosts) {
      if (find_service(registry_, name) != nullptr || name == "*") continue;
      VirtualHost host;
      add_domains(host, name);
      if (host.domains().empty()) continue;
      host.set_name(name + ":" + std::to_string(port_));
      add_rules(host, rules);
      if (!host.routes().empty()) *table_.add_virtual_hosts() = std::move(host);
    }
  }

  RouteConfiguration take() {
    auto& host = *table_.add_virtual_hosts();
    host.add_domains("*");
    if (registry_.mesh.outbound == OutboundPolicy::allow_any) {
      host.set_name("allow_any");
      *host.add_routes() = default_route(std::string(kPassthrough));
      host.mutable_routes(0)->set_name("allow_any");
    } else {
      host.set_name("block_all");
      auto& route = *host.add_routes();
      route.set_name("block_all");
      route.mutable_match()->set_prefix("/");
      route.mutable_direct_response()->set_status(502);
    }
    return std::move(table_);
  }

 private:
  /// A domain can be in a table once.
  void add_domains(VirtualHost& host, const std::string& name) {
    for (const std::string& domain : {name, name + ":" + std::to_string(port_)}) {
      if (domain == "*" || !domains_.insert(domain).second) continue;
      host.add_domains(domain);
    }
  }

  void add_rules(VirtualHost& host, const VirtualService& rules) {
    for (auto& route : build_routes(rules, registry_, port_)) *host.add_routes() = std::move(route);
  }

  const Registry& registry_;
  const std::uint16_t port_;
  std::set<std::string> domains_;
  RouteConfiguration table_;
};

}  // namespace

void build_route_tables(const NodeIdentity& node, const Registry& registry, ResourceSet& out) {
  for (const auto& [port, services] : http_ports(registry)) {
    RouteTable table(registry, port);
    for (const Service* service : services) table.add_service(*service, node);
    for (const VirtualService& rules : registry.virtual_services) table.add_rules_of(rules);
    const RouteConfiguration done = table.take();
    out.add(ResourceType::route, done.name(), done);
  }
}

}  // namespace weir::control
