// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/application_watch.hpp"

#include <netinet/tcp.h>

#include <algorithm>

namespace weir::server {
namespace {

constexpr pid_t kFirst = 1;

bool is_in_use(const SocketView& socket) {
  if (socket.inode == 0) return false;
  switch (socket.state) {
    case TCP_LISTEN:
    case TCP_SYN_SENT:
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool ApplicationWatch::is_there(std::span<const ProcessView> processes) {
  const bool found =
      std::any_of(processes.begin(), processes.end(), [this](const ProcessView& process) {
        const bool ended = process.state == 'Z' || process.state == 'X';
        return !ended && process.pid != kFirst && process.pid != pid_ && process.uid != uid_;
      });
  seen_ |= found;
  return found;
}

bool ApplicationWatch::has_ended(std::span<const ProcessView> processes, Clock::time_point now) {
  if (is_there(processes)) {
    gone_since_.reset();
    return false;
  }
  if (!seen_) return false;
  if (!gone_since_) gone_since_ = now;
  return now - *gone_since_ >= kGone;
}

bool ApplicationWatch::runs(std::span<const ProcessView> processes,
                            std::span<const SocketView> sockets) {
  if (is_there(processes)) return true;
  if (seen_) return false;
  return std::any_of(sockets.begin(), sockets.end(), [this](const SocketView& socket) {
    return socket.uid != uid_ && is_in_use(socket);
  });
}

}  // namespace weir::server
