// SPDX-License-Identifier: Apache-2.0
// ClientSource: an upstream connection that shows the client's address as its own.
#pragma once

#include <cstdint>

#include "common/addresses.hpp"
#include "common/result.hpp"

namespace weir::upstream {

/// What the original_src listener filter asks of every upstream connection.
struct SourceKeeping {
  std::uint32_t mark = 0;  // SO_MARK of the socket: routes the answers back here; 0 = none
  bool bind_port = false;  // the client's port as well, not only its address
  bool operator==(const SourceKeeping&) const = default;
};

/// The client of one connection, and what to keep of it.
struct ClientSource {
  DownstreamAddress client;
  /// Where the client's own connection goes: its four numbers are taken in this namespace.
  OriginalDestination destination;
  SourceKeeping keeping;
};

/// The port of a source-keeping connection to a client's port: half of 1024..65535 away from it,
/// and back again when applied twice; 0 (the kernel's choice) for ports below 1024. A port that the
/// kernel chose could be one that the same client uses, or will use, for a connection of its own to
/// the same address: the two would be the same connection to the kernel, and hang. Clients take
/// ports from one range, by default 32768..60999, which this maps outside of it.
std::uint16_t mirrored_port(std::uint16_t client_port);

/// The source address to bind, port 0 = the kernel's choice. Error: why the connection to `target`
/// cannot have the client's address.
Result<Endpoint> source_for(const ClientSource& source, const UpstreamAddress& target);

}  // namespace weir::upstream
