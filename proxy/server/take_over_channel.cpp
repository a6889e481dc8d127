// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/take_over_channel.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "common/socket_address.hpp"

namespace weir::server {
namespace {

constexpr int kBacklog = 16;

Error failed(std::string_view call) {
  const int code = errno;
  return Error{"take-over: " + std::string(call) + ": " + std::strerror(code), code};
}

struct Name {
  sockaddr_un address{};
  socklen_t length = 0;
};

Name abstract(const std::string& name) {
  Name made;
  made.address.sun_family = AF_UNIX;
  const std::size_t size = std::min(name.size(), sizeof made.address.sun_path - 1);
  std::memcpy(made.address.sun_path + 1, name.data(), size);  // the first byte stays 0
  made.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size);
  return made;
}

const sockaddr* generic(const Name& name) {
  return reinterpret_cast<const sockaddr*>(&name.address);
}

struct Control {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostSocketsInMessage)> bytes{};
};

/// All of them, whatever the packet says.
std::vector<UniqueFd> take_descriptors(msghdr& header) {
  std::vector<UniqueFd> taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      taken.emplace_back(fd);
    }
  }
  return taken;
}

}  // namespace

std::string take_over_name(std::uint16_t admin_port) {
  return "weir-proxy/" + std::to_string(geteuid()) + '/' + std::to_string(admin_port);
}

Result<UniqueFd> listen_for_take_over(const std::string& name) {
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed("socket");
  const Name at = abstract(name);
  if (bind(fd.get(), generic(at), at.length) != 0) return failed("bind");
  if (listen(fd.get(), kBacklog) != 0) return failed("listen");
  return fd;
}

Result<std::optional<UniqueFd>> connect_to_take_over(const std::string& name,
                                                     std::chrono::seconds patience) {
  // Not blocking yet: who has the name may be somebody who never accepts.
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed("socket");
  const timeval time{patience.count(), 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    if (setsockopt(fd.get(), SOL_SOCKET, option, &time, sizeof time) != 0)
      return failed("setsockopt");
  const Name at = abstract(name);
  if (connect(fd.get(), generic(at), at.length) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT) return std::optional<UniqueFd>();
    return failed("connect");
  }
  TRY_VOID(check_peer(fd.get()));
  if (fcntl(fd.get(), F_SETFL, 0) != 0) return failed("fcntl");
  return std::optional(std::move(fd));
}

Result<void> check_peer(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return failed("SO_PEERCRED");
  if (peer.uid == geteuid()) return {};
  return Error{"take-over: peer of user '" + std::to_string(peer.uid) +
                   "': it must have the same user, " + std::to_string(geteuid()),
               EPERM};
}

pid_t peer_process(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

Result<void> send_message(int fd, const TakeOverMessage& message, const std::vector<int>& sockets) {
  std::string text = write_message(message);
  iovec data{text.data(), text.size()};
  Control control;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (!sockets.empty()) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * sockets.size());
    cmsghdr* const part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * sockets.size());
    std::memcpy(CMSG_DATA(part), sockets.data(), sizeof(int) * sockets.size());
  }
  if (sendmsg(fd, &header, MSG_NOSIGNAL) < 0) return failed("send");
  return {};
}

Result<std::optional<Packet>> receive_packet(int fd) {
  std::array<char, kLargestTakeOverMessage> bytes;
  iovec data{bytes.data(), bytes.size()};
  Control control;
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  // The other end was closed before it had read everything. That is said once, and ahead of its
  // last words.
  if (got < 0 && errno == ECONNRESET) got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == ECONNRESET) return std::optional<Packet>();
    return failed("receive");
  }
  Packet packet{{}, take_descriptors(header)};
  if (got == 0) return std::optional<Packet>();
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return Error{"take-over: a message is too long, or no descriptors are left"};
  TRY(packet.message, read_message({bytes.data(), static_cast<std::size_t>(got)}));
  const bool brings = packet.message.kind == TakeOverMessage::Kind::sockets;
  if (packet.sockets.size() != (brings ? packet.message.sockets.size() : 0))
    return Error{"take-over: a message has not as many descriptors as lines"};
  return std::optional(std::move(packet));
}

bool is_bound_to(int fd, const Endpoint& address) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) return false;
  const auto local = local_endpoint(fd);
  if (!local) return false;
  return local->port == address.port && local->address == address.address;
}

}  // namespace weir::server
