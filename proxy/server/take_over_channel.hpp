// SPDX-License-Identifier: Apache-2.0
// The socket between two proxies: packets with descriptors, in the abstract names of the network
// namespace.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "proxy/server/take_over_message.hpp"

namespace weir::server {

/// Abstract names belong to a network namespace, as ports do: no volume is needed. Who has the
/// same user and would have the same admin port is the one to take over from. Source: unix(7).
std::string take_over_name(std::uint16_t admin_port);

/// Error EADDRINUSE: another process has the name.
Result<UniqueFd> listen_for_take_over(const std::string& name);
/// Without a value: nobody listens. Sends and receives on it wait for `patience` at most.
/// Error EPERM: who listens is of another user, or this process may not ask.
Result<std::optional<UniqueFd>> connect_to_take_over(const std::string& name,
                                                     std::chrono::seconds patience);
/// Error EPERM: the peer is of another user.
Result<void> check_peer(int fd);

struct Packet {
  TakeOverMessage message;
  std::vector<UniqueFd> sockets;  // one for each line of a message of kind `sockets`
};

/// Error EAGAIN: not now. `sockets` are borrowed, one for each line, or none.
Result<void> send_message(int fd, const TakeOverMessage& message, const std::vector<int>& sockets);
/// Without a value: the other end is closed. Error EAGAIN: nothing is there.
Result<std::optional<Packet>> receive_packet(int fd);

/// Whether it is a TCP socket that is bound to that address, as a peer says.
bool is_bound_to(int fd, const Endpoint& address);

}  // namespace weir::server
