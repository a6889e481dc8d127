// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/snapshot_checks.hpp"

#include <algorithm>

namespace weir::config {
namespace {

std::string joined_addresses(const ListenerConfig& listener) {
  std::string text;
  for (const ListenerAddressConfig& address : listener.addresses) {
    if (!text.empty()) text += ',';
    text += address.address.to_string();
  }
  return text;
}

void check_chain_clusters(const FilterChainConfig& chain, const ListenerConfig& listener,
                          const Snapshot& snapshot, const ParseContext& context) {
  const auto exists = [&](const std::string& name) {
    return snapshot.find_cluster(name).has_value();
  };
  for (const auto& filter : chain.filters) {
    const std::vector<std::string> errors = filter->check_clusters(exists);
    for (const std::string& text : errors) context.error(text);
    if (!errors.empty()) continue;
    for (const std::string& name : filter->cluster_names())
      if (!exists(name))
        context.warning("listener '" + listener.name + "', filter chain '" + chain.name +
                        "': cluster '" + name + "' does not exist; " +
                        std::string(filter->without_cluster()));
  }
}

}  // namespace

void check_cluster_references(const ListenerConfig& listener, const Snapshot& snapshot,
                              const ParseContext& context) {
  for (std::size_t k = 0; k < listener.filter_chains.size(); ++k)
    check_chain_clusters(listener.filter_chains[k], listener, snapshot,
                         context.item("filter_chains", static_cast<int>(k)));
  if (listener.default_filter_chain)
    check_chain_clusters(*listener.default_filter_chain, listener, snapshot,
                         context.field("default_filter_chain"));
}

bool any_cluster(const ListenerConfig& listener,
                 const std::function<bool(const std::string&)>& is) {
  const auto in_chain = [&](const FilterChainConfig& chain) {
    return std::any_of(chain.filters.begin(), chain.filters.end(), [&](const auto& filter) {
      const auto names = filter->cluster_names();
      return std::any_of(names.begin(), names.end(), is);
    });
  };
  return std::any_of(listener.filter_chains.begin(), listener.filter_chains.end(), in_chain) ||
         (listener.default_filter_chain && in_chain(*listener.default_filter_chain));
}

void check_control_plane(const ApiConfigSource& source, const Snapshot& fixed,
                         const ParseContext& context) {
  const auto found = fixed.find_cluster(source.cluster);
  const ParseContext service = context.item("grpc_services", 0);
  const ParseContext at = service.field("envoy_grpc");
  if (!found)
    at.field("cluster_name")
        .error("cluster '" + source.cluster +
               "' is not there: a control plane needs one in static_resources");
  else if (fixed.clusters[*found]->eds_source && !fixed.clusters[*found]->eds_source->is_file())
    at.field("cluster_name")
        .error("cluster '" + source.cluster +
               "' gets its endpoints from a control plane: it cannot lead to one");
}

void check_source(const ConfigSource& source, const Snapshot& fixed, const ParseContext& context) {
  if (source.ads && fixed.ads == nullptr)
    context.field("ads").error("there is no dynamic_resources.ads_config in the bootstrap");
  if (source.api != nullptr)
    check_control_plane(*source.api, fixed, context.field("api_config_source"));
}

void check_sources(const ClusterConfig& cluster, const Snapshot& fixed,
                   const ParseContext& context) {
  if (!cluster.eds_source) return;
  const ParseContext inside = context.field("eds_cluster_config");
  check_source(*cluster.eds_source, fixed, inside.field("eds_config"));
}

void check_sources(const ListenerConfig& listener, const Snapshot& fixed,
                   const ParseContext& context) {
  each_route_table(listener, [&](const RouteTableRef& table) {
    const ParseContext rds = context.field("rds '" + table.name + "'");
    check_source(table.source, fixed, rds.field("config_source"));
    return true;
  });
}

std::string explain_address_conflict(const ListenerConfig& listener) {
  return "error adding listener: '" + listener.name + "' has duplicate address '" +
         joined_addresses(listener) + "' as existing listener";
}

bool share_an_address(const ListenerConfig& a, const ListenerConfig& b) {
  for (const ListenerAddressConfig& one : a.addresses) {
    if (one.address.endpoint.port == 0 && a.bind_to_port) continue;
    for (const ListenerAddressConfig& other : b.addresses)
      if (one.address == other.address) return true;
  }
  return false;
}

const ListenerConfig* find_address_conflict(
    const ListenerConfig& listener, std::span<const std::shared_ptr<const ListenerConfig>> others) {
  for (const auto& other : others)
    if (other.get() != &listener && share_an_address(listener, *other)) return other.get();
  return nullptr;
}

}  // namespace weir::config
