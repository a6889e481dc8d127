// SPDX-License-Identifier: Apache-2.0
// The load generator: weir-bench-load KIND --to IPv4:port [--name value]...
#include "bench/tools/load.hpp"

#include <sys/prctl.h>

#include <string>

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  const bench::Flags flags(argc, argv, 2);
  // The default slack of 50 us would be most of a small request's latency.
  prctl(PR_SET_TIMERSLACK, 1);
  if (kind == "closed") return bench::run_closed(flags);
  if (kind == "open") return bench::run_open(flags);
  if (kind == "churn") return bench::run_churn(flags);
  if (kind == "idle") return bench::run_idle(flags);
  if (kind == "bulk") return bench::run_bulk(flags);
  if (kind == "bodies") return bench::run_bodies(flags);
  if (kind == "http2") return bench::run_http2(flags);
  bench::fail("kind of load '" + kind +
              "': expected closed, open, churn, idle, bulk, bodies or http2");
}
