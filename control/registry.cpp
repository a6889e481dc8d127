// SPDX-License-Identifier: Apache-2.0
#include "control/registry.hpp"

#include <algorithm>

namespace weir::control {
namespace {

using config::Diagnostics;
using config::Severity;

class RegistryBuilder {
 public:
  explicit RegistryBuilder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void add(const Object& object) {
    if (!std::holds_alternative<EnvoyResource>(object)) registry_.builds_sidecar = true;
    std::visit([this](const auto& one) { add_one(one); }, object);
  }

  Registry take() {
    for (const EndpointSlice& slice : slices_) join(slice);
    std::stable_sort(registry_.services.begin(), registry_.services.end(),
                     [](const Service& a, const Service& b) { return a.host < b.host; });
    for (const VirtualService& rules : registry_.virtual_services)
      for (const HttpRoute& route : rules.http)
        for (const Destination& one : route.destinations) check(rules.object, one);
    return std::move(registry_);
  }

 private:
  void add_one(const EnvoyResource& one) {
    if (claim(std::string(short_name(one.type)) + " resource", one.name, one.place))
      registry_.resources.push_back(one);
  }
  void add_one(const Service& one) {
    if (claim("host", one.host, one.object.place)) registry_.services.push_back(one);
  }
  void add_one(const EndpointSlice& one) { slices_.push_back(one); }
  void add_one(const VirtualService& one) { registry_.virtual_services.push_back(one); }
  void add_one(const DestinationRule& one) {
    if (claim("destination rule's host", one.host, one.object.place))
      registry_.destination_rules.push_back(one);
  }
  void add_one(const MeshConfig& one) {
    if (claim("setting", "meshConfig", one.place)) registry_.mesh = one;
  }

  void join(const EndpointSlice& slice) {
    const std::string host = full_host(slice.service, slice.object.name_space);
    const auto found = std::find_if(
        registry_.services.begin(), registry_.services.end(),
        [&](const Service& service) { return service.is_kubernetes && service.host == host; });
    if (found == registry_.services.end())
      return warn(slice.object.place,
                  "endpoints of service '" + host + "': there is no such Service");
    found->endpoints.insert(found->endpoints.end(), slice.endpoints.begin(), slice.endpoints.end());
  }

  /// Requests that go nowhere should surprise nobody.
  void check(const ObjectName& rules, const Destination& destination) {
    const auto missing = [&](const std::string& why) {
      warn(rules.place,
           "virtual service '" + rules.name + "': destination '" + destination.host + "': " + why);
    };
    const Service* service = find_service(registry_, destination.host);
    if (service == nullptr) return missing("there is no such host");
    const auto has_number = [&](const ServicePort& port) {
      return port.number == destination.port;
    };
    if (destination.port != 0 &&
        std::none_of(service->ports.begin(), service->ports.end(), has_number))
      missing("has no port " + std::to_string(destination.port));
    if (destination.subset.empty()) return;
    const DestinationRule* rule = find_destination_rule(registry_, destination.host);
    const auto has_name = [&](const Subset& subset) { return subset.name == destination.subset; };
    if (rule == nullptr || std::none_of(rule->subsets.begin(), rule->subsets.end(), has_name))
      missing("no destination rule has a subset '" + destination.subset + "'");
  }

  /// False after saying so when somebody has the name already.
  bool claim(const std::string& what, const std::string& name, const config::Place& place) {
    const auto [found, is_new] = taken_.try_emplace(what + ' ' + name, place);
    if (is_new) return true;
    warn(place, what + " '" + name + "': taken already at " + found->second.to_string() +
                    "; ignored here");
    return false;
  }
  void warn(const config::Place& place, std::string text) {
    diagnostics_.add({Severity::warning, place, "", std::move(text)});
  }

  Diagnostics& diagnostics_;
  Registry registry_;
  std::vector<EndpointSlice> slices_;
  std::map<std::string, config::Place> taken_;
};

}  // namespace

Registry build_registry(const std::vector<const std::vector<Object>*>& files,
                        Diagnostics& diagnostics) {
  RegistryBuilder builder(diagnostics);
  for (const auto* objects : files)
    for (const Object& object : *objects) builder.add(object);
  return builder.take();
}

std::string full_host(const std::string& host, const std::string& name_space) {
  if (host.empty() || host == "*" || host.find('.') != std::string::npos) return host;
  return host + "." + name_space + ".svc.cluster.local";
}

const Service* find_service(const Registry& registry, std::string_view host) {
  const auto& services = registry.services;
  const auto found = std::lower_bound(
      services.begin(), services.end(), host,
      [](const Service& service, std::string_view wanted) { return service.host < wanted; });
  return found != services.end() && found->host == host ? &*found : nullptr;
}

const DestinationRule* find_destination_rule(const Registry& registry, std::string_view host) {
  for (const DestinationRule& rule : registry.destination_rules)
    if (rule.host == host) return &rule;
  return nullptr;
}

}  // namespace weir::control
