// SPDX-License-Identifier: Apache-2.0
// Binding the listening sockets on the main thread, so that what is wrong shows before anything
// changes.
#pragma once

#include <cstdint>
#include <vector>

#include "common/addresses.hpp"
#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "proxy/config/listener_config.hpp"

namespace weir::server {

/// The sockets of one address of one listener, all on the same port. Workers get duplicates: a
/// socket is closed when both have let go of it.
struct BoundAddress {
  config::ListenerAddressConfig configured;
  ListenAddress address;          // port 0 resolved
  std::vector<UniqueFd> sockets;  // one per worker, or more
  bool workers_have_them = false;
  bool was_closing = false;  // the workers are about to close them, and to get them anew
  bool inherited = false;    // of a proxy that has run before

  /// Duplicates of those that the worker serves: with fewer sockets than workers some share one.
  /// Error: no descriptors are left.
  [[nodiscard]] Result<std::vector<UniqueFd>> sockets_of(std::size_t worker,
                                                         std::size_t workers) const;
};

/// Asks the listener's filters whether the kernel lets them work
/// (ListenerFilter::check_privileges).
Result<void> check_listener_filters(const config::ListenerConfig& listener);

/// Binds one address, for `workers` workers (SO_REUSEPORT when there is more than one). The sockets
/// do not listen yet. Error names listener, address and cause.
Result<BoundAddress> bind_address(const config::ListenerConfig& listener,
                                  const config::ListenerAddressConfig& address, unsigned workers);

/// listen(2) on each. From here on the kernel completes handshakes.
Result<void> listen_on(const config::ListenerConfig& listener, const BoundAddress& bound);

/// As many sockets as there are workers if that can be: an inherited address may have fewer.
void add_sockets_for(BoundAddress& bound, const config::ListenerConfig& listener, unsigned workers);

/// Of what makes a socket what it is besides its address, the same for every version of this
/// program. The length of the queue is not in it: that may change.
std::uint64_t socket_settings(const config::ListenerConfig& listener,
                              const config::ListenerAddressConfig& address);

/// Sockets made for one would be made in the same way for the other.
bool same_socket_settings(const config::ListenerConfig& a, const config::ListenerConfig& b);

}  // namespace weir::server
