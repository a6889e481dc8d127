// SPDX-License-Identifier: Apache-2.0
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

#include "bench/tools/dialect.hpp"
#include "bench/tools/histogram.hpp"
#include "bench/tools/load.hpp"
#include "bench/tools/window.hpp"

namespace bench {
namespace {

struct Client {
  int fd = -1;
  bool sent = false;
  bool answered = false;
  std::int64_t begun = 0;
  std::uint64_t id = 0;
  Reply reply;
};

class Churn {
 public:
  Churn(const sockaddr_in& destination, Dialect dialect)
      : destination_(destination), dialect_(std::move(dialect)), epoll_(epoll_create1(0)) {}

  void open(Client& client) {
    client = Client{};
    client.begun = now_ns();
    client.id = next_id_++;
    client.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(client.fd, reinterpret_cast<const sockaddr*>(&destination_), sizeof destination_) !=
            0 &&
        errno != EINPROGRESS) {
      fail(std::string("connect: ") + std::strerror(errno));
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &client;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event);
  }

  // True when the client has its reply, and the close that it asked for; its connection is closed
  // then.
  bool advance(Client& client, std::uint32_t events) {
    if (!client.sent && (events & EPOLLOUT) != 0) send_request(client);
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return false;
    while (!client.answered) {
      if (!client.reply.read(client.fd)) return false;
      client.answered = dialect_.is_whole(client.reply, client.id);
    }
    if (dialect_.closes() && !is_closed(client.fd)) return false;
    close(client.fd);
    return true;
  }

  template <typename OnDone>
  void wait(const OnDone& on_done) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 5000);
    if (count == 0) fail("no reply, or no close after it, within 5 s");
    for (int i = 0; i < count; ++i) {
      auto& client = *static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (advance(client, events[static_cast<std::size_t>(i)].events)) on_done(client);
    }
  }

 private:
  void send_request(Client& client) {
    const std::string_view request = dialect_.request(client.id);
    if (!write_all(client.fd, request.data(), request.size())) {
      fail(std::string("send of a request: ") + std::strerror(errno));
    }
    client.sent = true;
  }

  // Whether the other side has closed; bytes instead end the program.
  static bool is_closed(int fd) {
    char byte;
    const ssize_t count = recv(fd, &byte, 1, 0);
    if (count < 0 && errno == EAGAIN) return false;
    if (count > 0) fail("more bytes than the reply has");
    return true;
  }

  sockaddr_in destination_;
  Dialect dialect_;
  int epoll_;
  std::uint64_t next_id_ = 1;
};

}  // namespace

int run_churn(const Flags& flags) {
  const auto count = static_cast<std::uint64_t>(flags.number("count", 0));
  Churn churn(parse_destination(flags.text("to")), Dialect(flags));
  std::vector<Client> clients(static_cast<std::size_t>(flags.number("clients", 16)));
  Window window(flags);
  Histogram latency;
  if (count > 0) window.open();
  std::uint64_t opened = 0;
  const auto open_next = [&](Client& client) {
    if (count > 0 && opened == count) return;
    ++opened;
    churn.open(client);
  };
  for (Client& client : clients) open_next(client);
  bool over = false;
  while (!over) {
    churn.wait([&](Client& client) {
      const std::int64_t now = now_ns();
      if (window.is_open()) latency.record(now - client.begun);
      over = count > 0 ? latency.total() == count : over || window.advance(now);
      if (!over) open_next(client);
    });
  }
  window.close();
  std::printf("{\"operations\":%llu,\"seconds\":%.6f,%s,\"p50_ns\":%llu,\"p99_ns\":%llu}\n",
              static_cast<unsigned long long>(latency.total()), window.seconds(),
              window.cpu().json().c_str(), static_cast<unsigned long long>(latency.quantile(0.5)),
              static_cast<unsigned long long>(latency.quantile(0.99)));
  return 0;
}

}  // namespace bench
