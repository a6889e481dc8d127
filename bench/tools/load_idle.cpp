// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/tools/dialect.hpp"
#include "bench/tools/load.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

void exchange(int fd, std::uint64_t id, Dialect& dialect) {
  const std::string_view request = dialect.request(id);
  if (!write_all(fd, request.data(), request.size())) fail("connection closed before its request");
  Reply reply;
  while (!reply.read(fd) || !dialect.is_whole(reply, id)) {
  }
}

}  // namespace

int run_idle(const Flags& flags) {
  const auto destination = parse_destination(flags.text("to"));
  Dialect dialect(flags);
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
    for (std::size_t i = 0; i < connections.size(); ++i) exchange(connections[i], i + 1, dialect);
    std::printf("{\"exchanged\":%zu}\n", connections.size());
    std::fflush(stdout);
  }
  // Thousands of TIME_WAIT entries would weigh on what is measured next.
  for (const int fd : connections) reset_on_close(fd);
  return 0;
}

}  // namespace bench
