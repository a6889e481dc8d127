// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "bench/tools/load.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

void exchange(int fd, std::uint64_t id) {
  std::array<char, kRequestSize> request{};
  std::array<char, kReplySize> reply{};
  std::memcpy(request.data(), &id, sizeof id);
  std::uint64_t answer = 0;
  if (!write_all(fd, request.data(), request.size()) || !read_all(fd, reply.data(), reply.size())) {
    fail("connection closed before its reply");
  }
  std::memcpy(&answer, reply.data(), sizeof answer);
  if (answer != (id ^ kReplyMask)) fail("reply of another request: bytes were mixed up");
}

}  // namespace

int run_idle(const Flags& flags) {
  const auto destination = parse_destination(flags.text("to"));
  std::vector<int> connections;
  const auto wanted = static_cast<std::size_t>(flags.number("connections", 9000));
  for (std::size_t i = 0; i < wanted; ++i) {
    const int fd = connect_to(destination);
    if (fd < 0) fail("connect number " + std::to_string(i) + ": " + std::strerror(errno));
    connections.push_back(fd);
  }
  std::printf("{\"open\":%zu}\n", connections.size());
  std::fflush(stdout);
  for (std::string word; std::getline(std::cin, word);) {
    if (word != "exchange") fail("word '" + word + "': expected exchange");
    for (std::size_t i = 0; i < connections.size(); ++i) exchange(connections[i], i + 1);
    std::printf("{\"exchanged\":%zu}\n", connections.size());
    std::fflush(stdout);
  }
  // Thousands of TIME_WAIT entries would weigh on what is measured next.
  for (const int fd : connections) reset_on_close(fd);
  return 0;
}

}  // namespace bench
