// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/application_watch.hpp"

#include <netinet/tcp.h>

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

bool ApplicationWatch::owns(const ProcessView& process) const noexcept {
  if (process.pid == kFirst || process.pid == proxy_.pid) return false;
  return process.uid != proxy_.uid || process.gid != proxy_.gid;
}

bool ApplicationWatch::owns(const SocketView& socket) const noexcept {
  return socket.uid != proxy_.uid && is_in_use(socket);
}

void ApplicationWatch::see(pid_t process) noexcept {
  seen_ |= process == last_;
  last_ = process;
}

bool ApplicationWatch::has_ended(std::optional<pid_t> process, Clock::time_point now) {
  if (process) see(*process);
  if (process || !seen_) {
    gone_since_.reset();
    return false;
  }
  if (!gone_since_) gone_since_ = now;
  return now - *gone_since_ >= kGone;
}

}  // namespace weir::server
