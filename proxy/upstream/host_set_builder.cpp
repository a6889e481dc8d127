// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/host_set_builder.hpp"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <unordered_set>

namespace weir::upstream {
namespace {

/// @return whether this changed anything.
bool assign_configured_health(const Host& host, const config::EndpointConfig& endpoint) {
  const bool failed = !endpoint.healthy && !endpoint.draining;
  bool changed = host.health.assign(HealthFlag::failed_eds_health, failed);
  changed |= host.health.assign(HealthFlag::eds_status_draining, endpoint.draining);
  changed |= host.health.assign(HealthFlag::degraded_eds_health, endpoint.degraded);
  return changed;
}

std::shared_ptr<const Host> make_host(const config::EndpointConfig& endpoint,
                                      const IpAddress& address, std::string hostname,
                                      unsigned workers) {
  auto host = std::make_shared<Host>();
  host->address = UpstreamAddress{Endpoint{address, endpoint.port}};
  host->hostname = std::move(hostname);
  host->weight = endpoint.weight;
  host->priority = endpoint.priority;
  host->region = endpoint.region;
  host->zone = endpoint.zone;
  host->sub_zone = endpoint.sub_zone;
  host->locality_weight = endpoint.locality_weight;
  assign_configured_health(*host, endpoint);
  host->stats = std::vector<stats::HostStats>(workers);
  return host;
}

bool same_host(const Host& host, const config::EndpointConfig& endpoint,
               const std::string& hostname) {
  return host.hostname == hostname && host.weight == endpoint.weight &&
         host.priority == endpoint.priority && host.region == endpoint.region &&
         host.zone == endpoint.zone && host.sub_zone == endpoint.sub_zone &&
         host.locality_weight == endpoint.locality_weight;
}

}  // namespace

std::shared_ptr<const HostSet> build_static_hosts(const config::ClusterConfig& cluster,
                                                  unsigned workers) {
  auto set = std::make_shared<HostSet>();
  for (const config::EndpointConfig& endpoint : cluster.endpoints) {
    const auto address = IpAddress::parse(endpoint.host);
    assert(address.has_value());
    if (address) set->hosts.push_back(make_host(endpoint, *address, endpoint.hostname, workers));
  }
  return set;
}

std::shared_ptr<const HostSet> build_dns_hosts(std::span<const ResolvedEndpoint> endpoints,
                                               const std::shared_ptr<const HostSet>& previous,
                                               unsigned workers) {
  std::unordered_map<Endpoint, std::shared_ptr<const Host>, EndpointHash> known;
  for (const auto& host : previous->hosts) known.emplace(host->address.endpoint, host);

  auto set = std::make_shared<HostSet>();
  set->epoch = previous->epoch;
  set->reports = previous->reports;
  std::unordered_set<Endpoint, EndpointHash> seen;
  for (const auto& [endpoint, addresses, named] : endpoints) {
    const bool called_so = named && endpoint->hostname.empty();
    const std::string& hostname = called_so ? endpoint->host : endpoint->hostname;
    for (const IpAddress& address : addresses) {
      const Endpoint where{address, endpoint->port};
      if (!seen.insert(where).second) continue;
      const auto kept = known.find(where);
      if (kept == known.end() || !same_host(*kept->second, *endpoint, hostname)) {
        set->hosts.push_back(make_host(*endpoint, address, hostname, workers));
        continue;
      }
      // The address may have moved from one endpoint to another.
      if (assign_configured_health(*kept->second, *endpoint)) set->epoch->raise();
      set->hosts.push_back(kept->second);
    }
  }
  if (set->hosts == previous->hosts) return previous;
  return set;
}

std::vector<IpAddress> merge_addresses(const std::vector<IpAddress>& known,
                                       const std::vector<IpAddress>& fresh) {
  const auto contains = [](const std::vector<IpAddress>& list, const IpAddress& address) {
    return std::find(list.begin(), list.end(), address) != list.end();
  };
  std::vector<IpAddress> merged;
  for (const IpAddress& address : known)
    if (contains(fresh, address)) merged.push_back(address);
  for (const IpAddress& address : fresh)
    if (!contains(merged, address)) merged.push_back(address);
  return merged;
}

}  // namespace weir::upstream
