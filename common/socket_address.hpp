// SPDX-License-Identifier: Apache-2.0
// Between Endpoint and the kernel's sockaddr.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/ip.hpp"

namespace weir {

/// A sockaddr of either family with its length, ready for bind(2), connect(2) and friends.
struct SocketAddress {
  union {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t length = sizeof(sockaddr_in6);

  SocketAddress() noexcept;  // empty, with room for either family: pass &generic and &length to
                             // accept4(2)
  explicit SocketAddress(const Endpoint& endpoint) noexcept;
  /// IPv4-mapped IPv6 addresses become plain IPv4, as every later step expects. Other families give
  /// 0.0.0.0:0.
  [[nodiscard]] Endpoint endpoint() const noexcept;
};

/// Local address of a socket (getsockname). Error carries errno.
Result<Endpoint> local_endpoint(int fd);
/// Remote address of a connected socket (getpeername). Error carries errno.
Result<Endpoint> peer_endpoint(int fd);
/// True when `address` belongs to this network namespace. Asks the kernel with a bind(2) on a
/// throw-away socket; true too when none can be made.
bool is_local_address(const IpAddress& address);

}  // namespace weir
