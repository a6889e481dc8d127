// SPDX-License-Identifier: Apache-2.0
// Many short connections, one after the other, and the application that answers them.
//
//   short_connections echo NETNS ADDRESS@PORT...
//     listens, prints "ready", sends back what comes, and closes after the client has.
//   short_connections ask NETNS COUNT ADDRESS@PORT...
//     COUNT times: connect to the next address in turn, send one byte, read one byte, close first
//     (so that TIME_WAIT stays on this side, and on the proxy's side towards the application).
//     Prints "ok N" and for each kind of failure a line "WHAT: ERROR: N".
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "common/unique_fd.hpp"
#include "tests/support/net_namespace.hpp"

namespace weir::tests {
namespace {

std::optional<Endpoint> endpoint_of(const std::string& spec) {
  const auto at = spec.rfind('@');
  if (at == std::string::npos) return std::nullopt;
  return parse_endpoint(spec.substr(0, at),
                        static_cast<std::uint16_t>(std::atoi(spec.c_str() + at + 1)));
}

UniqueFd listen_on(const Endpoint& endpoint) {
  UniqueFd fd(::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), endpoint.address(), endpoint.length) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return {};
  return fd;
}

void watch(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void answer(int client) {
  char buffer[4096];
  const ssize_t got = ::recv(client, buffer, sizeof buffer, 0);
  if (got > 0) {
    static_cast<void>(::send(client, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL));
  } else {
    ::close(client);
  }
}

int echo(const std::vector<Endpoint>& endpoints) {
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<UniqueFd> listeners;
  for (const Endpoint& endpoint : endpoints) {
    listeners.push_back(listen_on(endpoint));
    if (!listeners.back()) {
      std::fprintf(stderr, "short_connections: cannot listen on %s: %s\n",
                   render_endpoint(endpoint).c_str(), std::strerror(errno));
      return 1;
    }
    watch(epoll.get(), listeners.back().get());
  }
  std::puts("ready");
  std::fflush(stdout);
  std::vector<epoll_event> events(256);
  for (;;) {
    const int count = ::epoll_wait(epoll.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      bool listening = false;
      for (const UniqueFd& listener : listeners) listening = listening || listener.get() == fd;
      if (!listening) {
        answer(fd);
      } else if (const int client = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); client >= 0) {
        watch(epoll.get(), client);
      }
    }
  }
}

/// What failed, or nullptr.
const char* ask_once(const Endpoint& endpoint) {
  const UniqueFd fd(::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return "socket";
  const timeval patience{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(fd.get(), endpoint.address(), endpoint.length) != 0) return "connect";
  if (::send(fd.get(), "x", 1, MSG_NOSIGNAL) != 1) return "send";
  char byte = 0;
  const ssize_t got = ::recv(fd.get(), &byte, 1, 0);
  if (got == 0) errno = 0;
  return got == 1 ? nullptr : "receive";
}

int ask(int count, const std::vector<Endpoint>& endpoints) {
  std::map<std::string, int> failures;
  int succeeded = 0;
  for (int i = 0; i < count; ++i) {
    const char* failed = ask_once(endpoints[static_cast<std::size_t>(i) % endpoints.size()]);
    if (failed == nullptr)
      ++succeeded;
    else
      ++failures[std::string(failed) + ": " + (errno == 0 ? "end of file" : std::strerror(errno))];
  }
  std::printf("ok %d\n", succeeded);
  for (const auto& [what, times] : failures) std::printf("%s: %d\n", what.c_str(), times);
  return 0;
}

int run(int argc, char** argv) {
  const std::string_view mode = argc > 3 ? argv[1] : "";
  const bool asks = mode == "ask";
  if ((!asks && mode != "echo") || !enter_namespace(argv[2])) {
    std::fprintf(stderr, "short_connections: bad usage, or no such namespace\n");
    return 1;
  }
  std::vector<Endpoint> endpoints;
  for (int i = asks ? 4 : 3; i < argc; ++i) {
    const auto endpoint = endpoint_of(argv[i]);
    if (!endpoint) {
      std::fprintf(stderr, "short_connections: '%s': expected ADDRESS@PORT\n", argv[i]);
      return 1;
    }
    endpoints.push_back(*endpoint);
  }
  if (endpoints.empty()) return 1;
  return asks ? ask(std::atoi(argv[3]), endpoints) : echo(endpoints);
}

}  // namespace
}  // namespace weir::tests

int main(int argc, char** argv) { return weir::tests::run(argc, argv); }
