// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/requester.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <unistd.h>

#include "bench/tools/flags.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {

Requester::Requester(const sockaddr_in& destination, std::size_t connections, Dialect dialect)
    : destination_(destination),
      dialect_(std::move(dialect)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      peers_(connections) {
  for (std::size_t i = 0; i < connections; ++i) open(i);
}

void Requester::open(std::size_t connection) {
  const int fd = connect_to(destination_);
  if (fd < 0) fail(std::string("connect: ") + std::strerror(errno));
  set_nonblocking(fd);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = connection;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  peers_[connection].fd = fd;
}

void Requester::reopen(std::size_t connection) {
  close(peers_[connection].fd);
  open(connection);
}

Requester::~Requester() {
  for (const Peer& peer : peers_) close(peer.fd);
  close(epoll_);
}

void Requester::send(std::size_t connection, std::int64_t intended_ns) {
  Peer& peer = peers_[connection];
  peer.id = next_id_++;
  peer.intended = intended_ns;
  peer.waits = true;
  peer.reply.clear();
  const std::string_view request = dialect_.request(peer.id);
  if (!write_all(peer.fd, request.data(), request.size())) {
    fail(std::string("send of a request: ") + std::strerror(errno));
  }
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
    if (!peer.waits) {
      reopen(connection);
      continue;
    }
    if (!peer.reply.read(peer.fd) || !dialect_.is_whole(peer.reply, peer.id)) continue;
    peer.waits = false;
    if (dialect_.is_last(peer.reply)) reopen(connection);
    on_reply(connection, peer.intended);
  }
}

}  // namespace bench
