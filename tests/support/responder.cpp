// SPDX-License-Identifier: Apache-2.0
// responder NETNS LABEL@ADDRESS@PORT[/udp[:UID]|/transparent]...: listens on every given address in
// the namespace, prints "ready", and answers each connection and datagram with "LABEL
// ORIGINAL-DESTINATION CLIENT\n" (the former "-" where the kernel knows none), then closes it.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>

#include <linux/netfilter_ipv4.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

#include "common/unique_fd.hpp"
#include "tests/support/net_namespace.hpp"

namespace weir::tests {
namespace {

constexpr int kOriginalDestination = SO_ORIGINAL_DST;  // IP6T_SO_ORIGINAL_DST has the same number

struct Listener {
  UniqueFd fd;
  std::string label;
  int family = AF_INET;
  bool udp = false;
};

std::string original_destination(int fd, int family) {
  Endpoint endpoint;
  endpoint.length = sizeof endpoint.storage;
  const int level = family == AF_INET ? SOL_IP : SOL_IPV6;
  if (::getsockopt(fd, level, kOriginalDestination, endpoint.address(), &endpoint.length) != 0)
    return "-";
  return render_endpoint(endpoint);
}

std::optional<Listener> listen_on(const std::string& spec) {
  const auto first = spec.find('@');
  const auto last = spec.rfind('@');
  if (first == std::string::npos || first == last) return std::nullopt;
  const auto port = static_cast<std::uint16_t>(std::atoi(spec.c_str() + last + 1));
  const std::string kind =
      spec.find('/') == std::string::npos ? "" : spec.substr(spec.find('/') + 1);
  const auto endpoint = parse_endpoint(spec.substr(first + 1, last - first - 1), port);
  if (!endpoint) return std::nullopt;
  Listener listener;
  listener.label = spec.substr(0, first);
  listener.family = endpoint->storage.ss_family;
  listener.udp = kind.starts_with("udp");
  // The owner of a socket, as the kernel's rules see it, is who opened it.
  if (kind.starts_with("udp:"))
    ::setfsuid(static_cast<uid_t>(std::atoi(kind.c_str() + std::strlen("udp:"))));
  const int type = listener.udp ? SOCK_DGRAM : SOCK_STREAM;
  listener.fd.reset(::socket(listener.family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ::setfsuid(0);
  const int on = 1;
  const bool v4 = listener.family == AF_INET;
  if (listener.udp)
    ::setsockopt(listener.fd.get(), v4 ? SOL_IP : SOL_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on,
                 sizeof on);
  if (kind == "transparent")
    ::setsockopt(listener.fd.get(), v4 ? SOL_IP : SOL_IPV6, v4 ? IP_TRANSPARENT : IPV6_TRANSPARENT,
                 &on, sizeof on);
  ::setsockopt(listener.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (listener.family == AF_INET6)
    ::setsockopt(listener.fd.get(), SOL_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(listener.fd.get(), endpoint->address(), endpoint->length) != 0 ||
      (!listener.udp && ::listen(listener.fd.get(), SOMAXCONN) != 0)) {
    return std::nullopt;
  }
  return listener;
}

void answer_connections(const Listener& listener) {
  for (;;) {
    Endpoint peer;
    peer.length = sizeof peer.storage;
    const UniqueFd client(::accept4(listener.fd.get(), peer.address(), &peer.length, SOCK_CLOEXEC));
    if (!client) return;
    const std::string text = listener.label + " " +
                             original_destination(client.get(), listener.family) + " " +
                             render_endpoint(peer) + "\n";
    static_cast<void>(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }
}

// The answer leaves from the address that was asked: the control data of the question, whose
// address is the local one, goes back with it.
void answer_datagrams(const Listener& listener) {
  for (;;) {
    Endpoint peer;
    char question[512];
    alignas(cmsghdr) char control[128];
    iovec bytes{question, sizeof question};
    msghdr message{};
    message.msg_name = &peer.storage;
    message.msg_namelen = sizeof peer.storage;
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(listener.fd.get(), &message, 0) < 0) return;
    if (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr) {
      // The interface must not bind the answer's route.
      if (listener.family == AF_INET)
        reinterpret_cast<in_pktinfo*>(CMSG_DATA(header))->ipi_ifindex = 0;
      else
        reinterpret_cast<in6_pktinfo*>(CMSG_DATA(header))->ipi6_ifindex = 0;
    }
    std::string text = listener.label + " - " + render_endpoint(peer) + "\n";
    bytes = iovec{text.data(), text.size()};
    static_cast<void>(::sendmsg(listener.fd.get(), &message, MSG_NOSIGNAL));
  }
}

void answer_all(const Listener& listener) {
  listener.udp ? answer_datagrams(listener) : answer_connections(listener);
}

[[noreturn]] void serve(const std::vector<Listener>& listeners, int epoll) {
  std::vector<epoll_event> events(64);
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i)
      answer_all(listeners[events[static_cast<std::size_t>(i)].data.u32]);
  }
}

int run(int argc, char** argv) {
  if (argc < 3 || !enter_namespace(argv[1])) {
    std::perror("responder: cannot enter the namespace");
    return 1;
  }
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<Listener> listeners;
  for (int i = 2; i < argc; ++i) {
    auto listener = listen_on(argv[i]);
    if (!listener) {
      std::fprintf(stderr, "responder: cannot listen on '%s': %s\n", argv[i], std::strerror(errno));
      return 1;
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(listeners.size());
    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener->fd.get(), &event);
    listeners.push_back(std::move(*listener));
  }
  std::puts("ready");
  std::fflush(stdout);
  serve(listeners, epoll.get());
}

}  // namespace
}  // namespace weir::tests

int main(int argc, char** argv) { return weir::tests::run(argc, argv); }
