// SPDX-License-Identifier: Apache-2.0
// HandoffTable: which listener owns an original destination.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/addresses.hpp"
#include "proxy/config/listener_config.hpp"

namespace weir::listener {

/// Immutable once built; any thread may read it. Source: Envoy's hand-off of restored connections.
class HandoffTable {
 public:
  HandoffTable() = default;  // owns nothing

  /// Registers every address of every listener, bound or not, in the given order; a later listener
  /// replaces an earlier one that named the same address. An IPv6 address with ipv4_compat
  /// registers its IPv4 twin too: a mapped address always, [::] only where nobody else has 0.0.0.0
  /// of that port. Port 0 is never dialled and not registered. `stopped[i]` leaves listener i out
  /// as if it were not configured; a shorter vector means "running".
  static HandoffTable build(
      std::span<const std::shared_ptr<const config::ListenerConfig>> listeners,
      const std::vector<bool>& stopped = {});

  /// Index into `listeners`: exact address and port, else the wildcard of that family and port,
  /// else nullopt. The result may be the listener that asks; whoever asks hands off at most once.
  /// Does not allocate.
  [[nodiscard]] std::optional<std::size_t> find(const OriginalDestination& destination) const;

 private:
  void add(std::size_t index, const config::ListenerAddressConfig& address);

  std::unordered_map<Endpoint, std::size_t, EndpointHash> owners_;
};

}  // namespace weir::listener
