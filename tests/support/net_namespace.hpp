// SPDX-License-Identifier: Apache-2.0
// What both helper programs of the namespace tests need: entering a namespace and reading an
// address.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace weir::tests {

/// A sockaddr of either family with its length.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* address() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  [[nodiscard]] sockaddr* address() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// Moves the calling thread into the network namespace `name` of /run/netns. False with errno when
/// it cannot.
bool enter_namespace(const std::string& name);

/// Reads a numeric IPv4 or IPv6 address; nullopt when it is neither. `port` in host order.
std::optional<Endpoint> parse_endpoint(const std::string& address, std::uint16_t port);

/// "198.51.100.1:80" or "[2001:db8::1]:80".
std::string render_endpoint(const Endpoint& endpoint);

}  // namespace weir::tests
