// SPDX-License-Identifier: Apache-2.0
// The upstream of the benchmark: replies to small requests, swallows bytes, and sources them.
//   weir-bench-upstream --reply 7000-7019 --sink 7100-7119 --source 7200-7219
// With --http1 and --http2 (ranges by comma) it also speaks HTTP; --log PATH is a datagram socket
// that takes a proxy's log and drops it, as a log daemon would be there for it.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include "bench/tools/flags.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/sockets.hpp"
#include "bench/tools/upstream_http1.hpp"
#include "bench/tools/upstream_http2.hpp"

namespace bench {
namespace {

enum class Role : std::uint8_t {
  kNone,
  kReplyListener,
  kSinkListener,
  kSourceListener,
  kHttp1Listener,
  kHttp2Listener,
  kReply,
  kHttp1,
  kHttp2
};

struct Peer {
  Role role = Role::kNone;
  std::uint16_t received = 0;
  std::array<char, kRequestSize> request{};
  std::unique_ptr<Http1Connection> http1{};
  std::unique_ptr<Http2Connection> http2{};
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

void swallow_log(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    fail("log '" + path + "': " + std::strerror(errno));
  }
  chmod(path.c_str(), 0777);
  std::thread([fd] {
    char line[4096];
    while (recv(fd, line, sizeof line, 0) >= 0) {
    }
  }).detach();
}

class Upstream {
 public:
  Upstream() : epoll_(epoll_create1(EPOLL_CLOEXEC)), peers_(20000) {}

  // Each range is "first-last", both inclusive; several by comma.
  void listen_ranges(const std::string& ranges, Role role) {
    std::stringstream words(ranges);
    for (std::string range; std::getline(words, range, ',');) {
      const int last = std::stoi(range.substr(range.find('-') + 1));
      for (int port = std::stoi(range); port <= last; ++port) {
        const int fd = listen_on(static_cast<std::uint16_t>(port));
        set_nonblocking(fd);
        add(fd, role);
      }
    }
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = epoll_wait(epoll_, events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) {
        serve(events[static_cast<std::size_t>(i)].data.fd);
      }
    }
  }

 private:
  void serve(int fd) {
    Peer& peer = peers_[static_cast<std::size_t>(fd)];
    switch (peer.role) {
      case Role::kNone:
        return;
      case Role::kReply:
        return serve_reply(fd);
      case Role::kHttp1:
        return serve_http1(fd, peer);
      case Role::kHttp2:
        if (!peer.http2->serve()) forget(fd, peer);
        return;
      default:
        return accept_all(fd);
    }
  }

  void add(int fd, Role role) {
    Peer& peer = peers_.at(static_cast<std::size_t>(fd));
    peer = Peer{role};
    if (role == Role::kHttp1) peer.http1 = std::make_unique<Http1Connection>(fd);
    if (role == Role::kHttp2) peer.http2 = std::make_unique<Http2Connection>(fd);
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
      } else if (role == Role::kReplyListener) {
        add(fd, Role::kReply);
      } else {
        add(fd, role == Role::kHttp1Listener ? Role::kHttp1 : Role::kHttp2);
      }
    }
  }

  void serve_reply(int fd) {
    Peer& peer = peers_[static_cast<std::size_t>(fd)];
    const ssize_t count =
        recv(fd, peer.request.data() + peer.received, kRequestSize - peer.received, MSG_DONTWAIT);
    if (count <= 0) {
      if (count < 0 && errno == EAGAIN) return;
      return forget(fd, peer);
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

  void serve_http1(int fd, Peer& peer) {
    const auto state = peer.http1->serve();
    if (state == Http1Connection::State::kClosed) return forget(fd, peer);
    if (state == Http1Connection::State::kOpen) return;
    // The thread owns the connection and its descriptor from here on.
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    std::thread([connection = std::move(peer.http1)] { connection->serve_bodies(); }).detach();
    peer = Peer{};
  }

  void forget(int fd, Peer& peer) {
    peer = Peer{};
    close(fd);
  }

  int epoll_;
  std::vector<Peer> peers_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  const bench::Flags flags(argc, argv, 1);
  bench::Upstream upstream;
  upstream.listen_ranges(flags.text("reply"), bench::Role::kReplyListener);
  upstream.listen_ranges(flags.text("sink"), bench::Role::kSinkListener);
  upstream.listen_ranges(flags.text("source"), bench::Role::kSourceListener);
  upstream.listen_ranges(flags.text("http1", ""), bench::Role::kHttp1Listener);
  upstream.listen_ranges(flags.text("http2", ""), bench::Role::kHttp2Listener);
  if (const std::string log = flags.text("log", ""); !log.empty()) bench::swallow_log(log);
  std::puts("ready");
  std::fflush(stdout);
  upstream.run();
}
