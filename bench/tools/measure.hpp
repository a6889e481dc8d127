// SPDX-License-Identifier: Apache-2.0
// Single measurements; each prints one line of JSON and returns the program's exit status.
#pragma once

#include "bench/tools/flags.hpp"

namespace bench {

// -- PROGRAM ARGS...: time from just before exec to exit, in ms; the program's output goes to
// --output (default /dev/null).
int run_exec_to_exit(const Flags& flags);
// --to IPv4:port --uid N -- PROXY ARGS...: time from just before exec to the first byte that came
// back through it; connecting is retried every 0.1 ms. Kills the proxy afterwards.
int run_first_byte(const Flags& flags);
// --to IPv4:port --listen PORT --count N: CPU of connect() alone, in us; the median of batches.
// The connections must end at PORT of this very process (by way of a redirect, or directly).
int run_connect_cost(const Flags& flags);

}  // namespace bench
