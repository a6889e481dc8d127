// SPDX-License-Identifier: Apache-2.0
#include "proxy/listener/handoff.hpp"

namespace weir::listener {

HandoffTable HandoffTable::build(
    std::span<const std::shared_ptr<const config::ListenerConfig>> listeners,
    const std::vector<bool>& stopped) {
  HandoffTable table;
  for (std::size_t index = 0; index < listeners.size(); ++index) {
    if (index < stopped.size() && stopped[index]) continue;
    for (const auto& address : listeners[index]->addresses) table.add(index, address);
  }
  return table;
}

void HandoffTable::add(std::size_t index, const config::ListenerAddressConfig& address) {
  const Endpoint& endpoint = address.address.endpoint;
  if (endpoint.port == 0) return;
  owners_.insert_or_assign(endpoint, index);
  if (!address.ipv4_compat || endpoint.address.is_v4()) return;
  if (endpoint.address.is_v4_mapped())
    owners_.insert_or_assign(Endpoint{endpoint.address.unmapped(), endpoint.port}, index);
  else if (endpoint.address.is_any())
    owners_.try_emplace(Endpoint{IpAddress::any(IpFamily::v4), endpoint.port}, index);
}

std::optional<std::size_t> HandoffTable::find(const OriginalDestination& destination) const {
  const Endpoint& endpoint = destination.endpoint;
  auto at = owners_.find(endpoint);
  if (at == owners_.end())
    at = owners_.find(Endpoint{IpAddress::any(endpoint.address.family()), endpoint.port});
  if (at == owners_.end()) return std::nullopt;
  return at->second;
}

}  // namespace weir::listener
