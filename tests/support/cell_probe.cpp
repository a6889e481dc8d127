// SPDX-License-Identifier: Apache-2.0
// cell_probe NETNS [TIMEOUT_MS]: for each line "uid gid src|- dst port tcp|udp" on stdin connects
// to dst:port (or sends a datagram there) as that user from inside the namespace, and prints on one
// line what the server said or how the attempt ended: the first line of the server, "closed",
// "reset", "refused", "timeout", "unreachable" or "error:<text>".
#include <netinet/in.h>
#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>

#include <grp.h>
#include <poll.h>
#include <unistd.h>

#include "common/unique_fd.hpp"
#include "tests/support/net_namespace.hpp"

namespace weir::tests {
namespace {

using Clock = std::chrono::steady_clock;

struct Cell {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string source;
  Endpoint destination;
  bool udp = false;
};

// Source ports of datagrams, one after the other: connection tracking remembers the NAT decision
// for a pair of addresses and ports for half a minute, and a port that comes again too soon would
// meet the decision of rules that are gone.
std::uint16_t next_udp_port() {
  constexpr std::uint16_t kFirst = 16100;
  constexpr std::uint16_t kLast = 60999;
  static std::uint16_t port = kLast;
  port = port == kLast ? kFirst : static_cast<std::uint16_t>(port + 1);
  return port;
}

std::string describe_error(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "refused";
    case ECONNRESET:
    case EPIPE:
      return "reset";
    case ETIMEDOUT:
      return "timeout";
    case EHOSTUNREACH:
    case ENETUNREACH:
      return "unreachable";
    default:
      return std::string("error:") + ::strerrorname_np(error);
  }
}

// The owner of a socket, as the kernel's rules see it, is the thread's fsuid/fsgid when socket()
// ran. The saved IDs stay root so that the next cell can switch again; raw system calls because
// glibc's change every thread.
bool become(std::uint32_t uid, std::uint32_t gid) {
  return ::syscall(SYS_setresuid, 0, 0, 0) == 0 && ::syscall(SYS_setresgid, gid, gid, 0) == 0 &&
         ::syscall(SYS_setresuid, uid, uid, 0) == 0;
}

bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool bind_source(int fd, const std::string& source, std::uint16_t port) {
  const auto endpoint = parse_endpoint(source, port);
  if (!endpoint) {
    errno = EINVAL;
    return false;
  }
  const int on = 1;
  ::setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  return ::bind(fd, endpoint->address(), endpoint->length) == 0;
}

std::string read_answer(int fd, Clock::time_point deadline) {
  std::string answer;
  char bytes[256];
  while (answer.find('\n') == std::string::npos) {
    if (!wait_for(fd, POLLIN, deadline)) return "timeout";
    const ssize_t count = ::recv(fd, bytes, sizeof bytes, 0);
    if (count == 0) return "closed";
    if (count < 0) return describe_error(errno);
    answer.append(bytes, static_cast<std::size_t>(count));
  }
  return answer.substr(0, answer.find('\n'));
}

std::string probe_udp(const Cell& cell, std::chrono::milliseconds timeout) {
  const int family = cell.destination.storage.ss_family;
  const UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return describe_error(errno);
  const std::string any = family == AF_INET ? "0.0.0.0" : "::";
  if (!bind_source(fd.get(), cell.source == "-" ? any : cell.source, next_udp_port()))
    return describe_error(errno);
  if (::connect(fd.get(), cell.destination.address(), cell.destination.length) != 0)
    return describe_error(errno);
  // A datagram that is refused on its way out is EPERM here; the refusal itself is read next.
  if (::send(fd.get(), "?\n", 2, MSG_NOSIGNAL) < 0 && errno != EPERM) return describe_error(errno);
  return read_answer(fd.get(), Clock::now() + timeout);
}

std::string probe(const Cell& cell, std::chrono::milliseconds timeout) {
  if (!become(cell.uid, cell.gid)) return "error:credentials";
  if (cell.udp) return probe_udp(cell, timeout);
  const UniqueFd fd(
      ::socket(cell.destination.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return describe_error(errno);
  // Closing with RST leaves no TIME_WAIT behind, neither in the sockets nor (for long) in
  // conntrack.
  const linger abort{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  if (cell.source != "-" && !bind_source(fd.get(), cell.source, 0)) return describe_error(errno);
  const auto deadline = Clock::now() + timeout;
  if (::connect(fd.get(), cell.destination.address(), cell.destination.length) != 0) {
    if (errno != EINPROGRESS) return describe_error(errno);
    if (!wait_for(fd.get(), POLLOUT, deadline)) return "timeout";
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return describe_error(error);
  }
  return read_answer(fd.get(), deadline);
}

std::optional<Cell> parse_cell(const std::string& line) {
  std::istringstream words(line);
  Cell cell;
  std::string destination;
  std::uint16_t port = 0;
  std::string protocol;
  if (!(words >> cell.uid >> cell.gid >> cell.source >> destination >> port >> protocol))
    return std::nullopt;
  cell.udp = protocol == "udp";
  const auto endpoint = parse_endpoint(destination, port);
  if (!endpoint) return std::nullopt;
  cell.destination = *endpoint;
  return cell;
}

int run(int argc, char** argv) {
  if (argc < 2 || !enter_namespace(argv[1])) {
    std::perror("cell_probe: cannot enter the namespace");
    return 1;
  }
  const std::chrono::milliseconds timeout(argc > 2 ? std::atoi(argv[2]) : 300);
  ::setgroups(0, nullptr);
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto cell = parse_cell(line);
    const std::string answer = cell ? probe(*cell, timeout) : "error:bad cell '" + line + "'";
    std::cout << answer << '\n';
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
  return 0;
}

}  // namespace
}  // namespace weir::tests

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return weir::tests::run(argc, argv);
}
