// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/control_probe.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

#include <unistd.h>

#include "bench/tools/flags.hpp"
#include "bench/tools/http1.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

// Ports that are asked while nothing is known yet.
constexpr int kSample = 16;

void pause_us(long us) {
  const timespec pause{0, us * 1000};
  nanosleep(&pause, nullptr);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool accepts(std::uint16_t port) {
  const int fd = connect_to(loopback(port));
  if (fd >= 0) close(fd);
  return fd >= 0;
}

void wait_for(std::uint16_t port, const std::string& header, long pause, std::int64_t give_up) {
  while (!serves(port, header)) {
    if (now_ns() > give_up) fail("port '" + std::to_string(port) + "': does not serve");
    pause_us(pause);
  }
}

std::int64_t after(double seconds) { return now_ns() + static_cast<std::int64_t>(seconds * 1e9); }

}  // namespace

bool serves(std::uint16_t port, const std::string& header) {
  static const std::string request = "GET /small/0000000000000001 HTTP/1.1\r\n" +
                                     std::string(kRequestHeaders) + "connection: close\r\n\r\n";
  const int fd = connect_to(loopback(port));
  if (fd < 0) return false;
  const timeval patience{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::array<char, 2048> bytes;
  std::size_t size = 0;
  std::string_view head;
  if (write_all(fd, request.data(), request.size())) {
    while (size_of_head(head) == 0 && size < bytes.size()) {
      const ssize_t got = recv(fd, bytes.data() + size, bytes.size() - size, 0);
      if (got <= 0) break;
      size += static_cast<std::size_t>(got);
      head = {bytes.data(), size};
    }
  }
  close(fd);
  return head.starts_with("HTTP/1.1 200") && (header.empty() || has_header(head, header));
}

std::int64_t when_all_serve(std::uint16_t first, int count, double seconds) {
  const std::int64_t give_up = after(seconds);
  const int step = std::max(count / kSample, 1);
  for (int i = 0; i < count; i += step)
    wait_for(static_cast<std::uint16_t>(first + i), "", 1000, give_up);
  std::int64_t when = now_ns();
  for (int i = 0; i < count; ++i) {
    while (!accepts(static_cast<std::uint16_t>(first + i))) {
      if (now_ns() > give_up) fail("port '" + std::to_string(first + i) + "': does not accept");
      pause_us(1000);
      when = now_ns();
    }
  }
  return when;
}

int count_serving(std::uint16_t first, int count) {
  int serving = 0;
  for (int i = 0; i < count; ++i) serving += serves(static_cast<std::uint16_t>(first + i)) ? 1 : 0;
  return serving;
}

std::int64_t when_answered_with(std::uint16_t port, const std::string& header, double seconds) {
  wait_for(port, header, 50, after(seconds));
  return now_ns();
}

}  // namespace bench
