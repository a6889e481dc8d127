// SPDX-License-Identifier: Apache-2.0
#include "proxy/tcp/congestion_control.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#include "common/socket_address.hpp"
#include "common/socket_options.hpp"

namespace weir::tcp {
namespace {

bool default_is_bbr(int fd) {
  char name[16] = {};
  socklen_t length = sizeof name;
  return getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length) == 0 &&
         std::strncmp(name, "bbr", 3) == 0;
}

bool is_local_leg(int fd) {
  const auto local = local_endpoint(fd);
  const auto peer = peer_endpoint(fd);
  if (!local || !peer) return false;
  // REDIRECT turns the destination of a local client into loopback; without it both ends show the
  // same address. A leg that shows a client's address as its own (original_src) has a local peer.
  return local->address.is_loopback() || peer->address.is_loopback() ||
         is_local_address(peer->address);
}

}  // namespace

void prefer_unpaced_on_local_leg(int fd) {
  if (!default_is_bbr(fd) || !is_local_leg(fd)) return;
  // Without privileges only what tcp_allowed_congestion_control lists may be set; reno always is.
  if (!set_congestion_control(fd, "cubic")) static_cast<void>(set_congestion_control(fd, "reno"));
}

}  // namespace weir::tcp
