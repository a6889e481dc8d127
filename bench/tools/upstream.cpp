// SPDX-License-Identifier: Apache-2.0
// The upstream of the benchmark: replies to small requests, swallows bytes, and sources them.
//   weir-bench-upstream --reply 7000-7019 --sink 7100-7119 --source 7200-7219
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "bench/tools/flags.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

enum class Role : std::uint8_t { kNone, kReplyListener, kSinkListener, kSourceListener, kReply };

struct Peer {
  Role role = Role::kNone;
  std::uint16_t received = 0;
  std::array<char, kRequestSize> request{};
};

void serve_sink(int fd) {
  std::vector<char> buffer(kBulkChunk);
  BulkHeader header{};
  StreamHash hash;
  if (read_all(fd, &header, sizeof header)) {
    std::uint64_t left = header.bytes == 0 ? UINT64_MAX : header.bytes;
    while (left > 0) {
      const ssize_t count =
          recv(fd, buffer.data(), std::min<std::uint64_t>(left, buffer.size()), 0);
      if (count <= 0) break;
      if (header.hashed != 0) hash.update(buffer.data(), static_cast<std::size_t>(count));
      left -= static_cast<std::uint64_t>(count);
    }
    const std::uint64_t answer = hash.value();
    if (header.hashed != 0) write_all(fd, &answer, sizeof answer);
  }
  close(fd);
}

void serve_source(int fd) {
  std::vector<char> buffer(kBulkChunk, 'w');
  BulkHeader header{};
  StreamHash hash;
  RandomWords words(1);
  if (read_all(fd, &header, sizeof header)) {
    std::uint64_t left = header.bytes == 0 ? UINT64_MAX : header.bytes;
    while (left > 0) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
      if (header.hashed != 0) {
        fill_random(words, buffer.data(), buffer.size());
        hash.update(buffer.data(), size);
      }
      if (!write_all(fd, buffer.data(), size)) break;
      left -= size;
    }
    const std::uint64_t answer = hash.value();
    if (header.hashed != 0) write_all(fd, &answer, sizeof answer);
  }
  close(fd);
}

class Upstream {
 public:
  Upstream() : epoll_(epoll_create1(EPOLL_CLOEXEC)), peers_(20000) {}

  // `range` is "first-last", both inclusive.
  void listen_range(const std::string& range, Role role) {
    const auto dash = range.find('-');
    for (int port = std::stoi(range); port <= std::stoi(range.substr(dash + 1)); ++port) {
      const int fd = listen_on(static_cast<std::uint16_t>(port));
      set_nonblocking(fd);
      add(fd, role);
    }
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (peers_[static_cast<std::size_t>(fd)].role == Role::kReply) {
          serve_reply(fd);
        } else {
          accept_all(fd);
        }
      }
    }
  }

 private:
  void add(int fd, Role role) {
    peers_.at(static_cast<std::size_t>(fd)) = Peer{role};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all(int listener) {
    const Role role = peers_[static_cast<std::size_t>(listener)].role;
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      set_nodelay(fd);
      if (role == Role::kSinkListener) {
        std::thread(serve_sink, fd).detach();
      } else if (role == Role::kSourceListener) {
        std::thread(serve_source, fd).detach();
      } else {
        add(fd, Role::kReply);
      }
    }
  }

  void serve_reply(int fd) {
    Peer& peer = peers_[static_cast<std::size_t>(fd)];
    const ssize_t count =
        recv(fd, peer.request.data() + peer.received, kRequestSize - peer.received, MSG_DONTWAIT);
    if (count <= 0) {
      if (count < 0 && errno == EAGAIN) return;
      peer.role = Role::kNone;
      close(fd);
      return;
    }
    peer.received = static_cast<std::uint16_t>(peer.received + count);
    if (peer.received < kRequestSize) return;
    peer.received = 0;
    std::array<char, kReplySize> reply{};
    std::uint64_t id = 0;
    std::memcpy(&id, peer.request.data(), sizeof id);
    id ^= kReplyMask;
    std::memcpy(reply.data(), &id, sizeof id);
    write_all(fd, reply.data(), reply.size());
  }

  int epoll_;
  std::vector<Peer> peers_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv, 1);
  bench::Upstream upstream;
  upstream.listen_range(flags.text("reply"), bench::Role::kReplyListener);
  upstream.listen_range(flags.text("sink"), bench::Role::kSinkListener);
  upstream.listen_range(flags.text("source"), bench::Role::kSourceListener);
  std::puts("ready");
  std::fflush(stdout);
  upstream.run();
}
