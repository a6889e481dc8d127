// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include <unistd.h>

#include "bench/tools/measure.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

constexpr int kBatch = 100;

std::int64_t thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// CPU of one connect() in ns: its SYN, SYN-ACK and ACK are handled in this thread, on loopback.
std::int64_t connect_once(const sockaddr_in& destination, int listener) {
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const std::int64_t before = thread_cpu_ns();
  const int result =
      connect(client, reinterpret_cast<const sockaddr*>(&destination), sizeof destination);
  const std::int64_t used = thread_cpu_ns() - before;
  if (result != 0) fail(std::string("connect: ") + std::strerror(errno));
  const int server = accept(listener, nullptr, nullptr);
  if (server < 0) fail("connection did not reach the port of this program");
  reset_on_close(client);
  close(client);
  close(server);
  return used;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int run_connect_cost(const Flags& flags) {
  const sockaddr_in destination = parse_destination(flags.text("to"));
  const int listener = listen_on(static_cast<std::uint16_t>(flags.number("listen", 15001)));
  // A connection that went elsewhere must not hang the run in accept().
  const timeval patience{2, 0};
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const int count = static_cast<int>(flags.number("count", 3000));
  for (int i = 0; i < kBatch; ++i) connect_once(destination, listener);
  std::vector<double> batches;
  for (int done = 0; done < count; done += kBatch) {
    std::int64_t sum = 0;
    for (int i = 0; i < kBatch; ++i) sum += connect_once(destination, listener);
    batches.push_back(static_cast<double>(sum) / kBatch / 1e3);
  }
  std::printf("{\"connect_us\":%.3f,\"batches\":%zu}\n", median(batches), batches.size());
  return 0;
}

}  // namespace bench
