// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/requester.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <unistd.h>

#include "bench/tools/flags.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {

Requester::Requester(const sockaddr_in& destination, std::size_t connections)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), peers_(connections) {
  for (std::size_t i = 0; i < connections; ++i) {
    peers_[i].fd = connect_to(destination);
    if (peers_[i].fd < 0) fail(std::string("connect: ") + std::strerror(errno));
    set_nonblocking(peers_[i].fd);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, peers_[i].fd, &event);
  }
}

Requester::~Requester() {
  for (const Peer& peer : peers_) close(peer.fd);
  close(epoll_);
}

void Requester::send(std::size_t connection, std::int64_t intended_ns) {
  Peer& peer = peers_[connection];
  std::array<char, kRequestSize> request{};
  peer.id = next_id_++;
  peer.intended = intended_ns;
  peer.received = 0;
  std::memcpy(request.data(), &peer.id, sizeof peer.id);
  if (!write_all(peer.fd, request.data(), request.size())) {
    fail(std::string("send of a request: ") + std::strerror(errno));
  }
}

bool Requester::read_reply(Peer& peer) {
  const ssize_t count = recv(peer.fd, peer.reply + peer.received, kReplySize - peer.received, 0);
  if (count == 0) fail("connection closed before its reply");
  if (count < 0) {
    if (errno == EAGAIN) return false;
    fail(std::string("read of a reply: ") + std::strerror(errno));
  }
  peer.received += static_cast<std::size_t>(count);
  if (peer.received < kReplySize) return false;
  std::uint64_t id = 0;
  std::memcpy(&id, peer.reply, sizeof id);
  if (id != (peer.id ^ kReplyMask)) fail("reply of another request: bytes were mixed up");
  return true;
}

void Requester::wait(std::int64_t timeout_ns, const OnReply& on_reply) {
  std::array<epoll_event, 128> events;
  timespec timeout{};
  timeout.tv_sec = timeout_ns / 1'000'000'000;
  timeout.tv_nsec = timeout_ns % 1'000'000'000;
  const int count = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()),
                                 timeout_ns < 0 ? nullptr : &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const auto connection = static_cast<std::size_t>(events[static_cast<std::size_t>(i)].data.u64);
    Peer& peer = peers_[connection];
    if (read_reply(peer)) on_reply(connection, peer.intended);
  }
}

}  // namespace bench
