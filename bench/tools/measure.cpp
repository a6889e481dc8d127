// SPDX-License-Identifier: Apache-2.0
// Single measurements: weir-bench-measure KIND [--name value]... [-- PROGRAM ARGS...]
#include "bench/tools/measure.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstdio>
#include <string>

#include <unistd.h>

#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

// What one system call costs here: the yardstick of every other number.
int run_syscall_cost() {
  constexpr int kCalls = 200'000;
  const std::int64_t begun = now_ns();
  for (int i = 0; i < kCalls; ++i) syscall(SYS_getppid);
  std::printf("{\"getppid_ns\":%.1f}\n", static_cast<double>(now_ns() - begun) / kCalls);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  // Retries every 0.1 ms need a timer that is finer than the default slack.
  prctl(PR_SET_TIMERSLACK, 1);
  const std::string kind = argc > 1 ? argv[1] : "";
  const bench::Flags flags(argc, argv, 2);
  if (kind == "exec-to-exit") return bench::run_exec_to_exit(flags);
  if (kind == "first-byte") return bench::run_first_byte(flags);
  if (kind == "connect-cost") return bench::run_connect_cost(flags);
  if (kind == "syscall-cost") return bench::run_syscall_cost();
  bench::fail("measurement '" + kind +
              "': expected exec-to-exit, first-byte, connect-cost or syscall-cost");
}
