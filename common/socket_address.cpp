// SPDX-License-Identifier: Apache-2.0
#include "common/socket_address.hpp"

#include <cerrno>
#include <cstring>

#include "common/unique_fd.hpp"

namespace weir {

SocketAddress::SocketAddress() noexcept { std::memset(&v6, 0, sizeof v6); }

SocketAddress::SocketAddress(const Endpoint& endpoint) noexcept : SocketAddress() {
  if (endpoint.address.is_v4()) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes().data(), 4);
    length = sizeof v4;
  } else {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes().data(), 16);
    length = sizeof v6;
  }
}

Endpoint SocketAddress::endpoint() const noexcept {
  if (generic.sa_family == AF_INET)
    return {IpAddress::v4(reinterpret_cast<const std::uint8_t*>(&v4.sin_addr)), ntohs(v4.sin_port)};
  if (generic.sa_family == AF_INET6)
    return {IpAddress::v6(v6.sin6_addr.s6_addr).unmapped(), ntohs(v6.sin6_port)};
  return {};
}

Result<Endpoint> local_endpoint(int fd) {
  SocketAddress address;
  if (getsockname(fd, &address.generic, &address.length) != 0)
    return Error{std::string("getsockname: ") + std::strerror(errno), errno};
  return address.endpoint();
}

Result<Endpoint> peer_endpoint(int fd) {
  SocketAddress address;
  if (getpeername(fd, &address.generic, &address.length) != 0)
    return Error{std::string("getpeername: ") + std::strerror(errno), errno};
  return address.endpoint();
}

bool is_local_address(const IpAddress& address) {
  const SocketAddress local(Endpoint{address, 0});
  const UniqueFd probe(socket(local.generic.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return !probe || bind(probe.get(), &local.generic, local.length) == 0;
}

}  // namespace weir
