// SPDX-License-Identifier: Apache-2.0
// Opening a socket to an upstream host.
#pragma once

#include <optional>

#include "common/addresses.hpp"
#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "proxy/upstream/client_source.hpp"

namespace weir::upstream {

/// How the socket is prepared before connect(2).
struct ConnectOptions {
  std::optional<Endpoint>
      bind_source;  // port 0: the kernel takes one that is free for this destination
  bool freebind = false;
  std::optional<ClientSource> client;  // replaces bind_source
};

/// Why no connection was begun. `bind_failed`: the source address (or the right to use it), not the
/// destination, is at fault.
struct ConnectFailure {
  Error error;
  bool bind_failed = false;
};

/// A non-blocking socket whose connect(2) is under way or done; or the failure that connect(2) gave
/// at once. The caller waits for EPOLLOUT and then reads SO_ERROR. The ACK that ends the handshake
/// is held back for the first data: a caller that has none calls set_quick_ack(true), or the
/// server's accept(2) waits up to 200 ms.
struct ConnectAttempt {
  UniqueFd socket;
  std::optional<ConnectFailure> failure;
};
ConnectAttempt begin_connect(const UpstreamAddress& address, const ConnectOptions& options);

}  // namespace weir::upstream
