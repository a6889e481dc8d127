// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/snapshot_checks.hpp"

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

bool share_an_address(const ListenerConfig& a, const ListenerConfig& b) {
  for (const ListenerAddressConfig& one : a.addresses) {
    if (one.address.endpoint.port == 0 && a.bind_to_port) continue;
    for (const ListenerAddressConfig& other : b.addresses)
      if (one.address == other.address) return true;
  }
  return false;
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

std::string explain_address_conflict(const ListenerConfig& listener) {
  return "error adding listener: '" + listener.name + "' has duplicate address '" +
         joined_addresses(listener) + "' as existing listener";
}

std::optional<std::string> find_address_conflict(
    const ListenerConfig& listener, std::span<const std::shared_ptr<const ListenerConfig>> others) {
  for (const auto& other : others)
    if (other.get() != &listener && share_an_address(listener, *other))
      return explain_address_conflict(listener);
  return std::nullopt;
}

}  // namespace weir::config
