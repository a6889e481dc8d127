// SPDX-License-Identifier: Apache-2.0
// The socket between two proxies: packets with descriptors, in the abstract names of the network
// namespace.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
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
/// The number of the process that has connected, as this one sees it; 0: it does not see it.
pid_t peer_process(int fd);

struct TakenSocket {
  SocketLine line;
  UniqueFd fd;
};
/// More than any proxy has descriptors.
constexpr std::size_t kMostTakenSockets = 1 << 20;

struct Packet {
  TakeOverMessage message;
  std::vector<UniqueFd> sockets;  // one for each line of a message of kind `sockets`
};

/// Error EAGAIN: not now. `sockets` are borrowed, one for each line, or none.
Result<void> send_message(int fd, const TakeOverMessage& message, const std::vector<int>& sockets);
/// Without a value: the other end is closed. Error EAGAIN: nothing is there.
Result<std::optional<Packet>> receive_packet(int fd);

/// Calls send(count) for the first of `lines`, as many as go into a message, and removes them;
/// true: none is left.
template <class Lines, class Send>
Result<bool> send_some(Lines& lines, Send&& send) {
  const std::size_t count = std::min(lines.size(), kMostSocketsInMessage);
  if (count == 0) return true;
  TRY_VOID(send(count));
  lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(count));
  return lines.empty();
}

/// Whether it is a TCP socket that is bound to that address, as a peer says.
bool is_bound_to(int fd, const Endpoint& address);

}  // namespace weir::server
