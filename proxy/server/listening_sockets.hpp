// SPDX-License-Identifier: Apache-2.0
// Binding the listening sockets, before any worker runs, so that what is wrong shows at start-up.
#pragma once

#include <cstddef>
#include <vector>

#include "common/addresses.hpp"
#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "proxy/config/snapshot.hpp"

namespace weir::server {

/// The sockets of one address of one listener: one per worker, all on the same port.
struct BoundAddress {
  std::size_t listener = 0;  // index in the Snapshot
  ListenAddress address;     // port 0 resolved
  std::vector<UniqueFd> sockets;
};

/// Asks every listener's filters whether the kernel lets them work
/// (ListenerFilter::check_privileges), then binds every listener with bind_to_port, for `workers`
/// workers (SO_REUSEPORT when there is more than one). The sockets do not listen yet. Error names
/// listener, address and cause.
Result<std::vector<BoundAddress>> bind_listeners(const config::Snapshot& snapshot,
                                                 unsigned workers);

/// listen(2) on each. From here on the kernel completes handshakes.
Result<void> listen_on(const config::Snapshot& snapshot, const std::vector<BoundAddress>& bound);

}  // namespace weir::server
