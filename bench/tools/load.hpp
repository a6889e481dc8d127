// SPDX-License-Identifier: Apache-2.0
// The kinds of load; each prints one line of JSON and returns the program's exit status.
#pragma once

#include "bench/tools/flags.hpp"

namespace bench {

// Common flags: --to IPv4:port, --proxy and --upstream (process ids whose CPU is reported),
// --seconds and --warm (length of the window and of what runs before it).

// closed, open, churn and idle speak raw bytes or HTTP/1.1: see Dialect.

// --connections N kept ones, each sends its next request when the reply is there; --count N makes
// exactly that many requests instead of a window of time.
int run_closed(const Flags& flags);
// --connections N kept ones, --rate R requests a second on a fixed schedule; latency counts from
// the moment the schedule named, whether or not a connection was free then.
int run_open(const Flags& flags);
// --clients N, each: connect, one request, one reply, close; --count as above.
int run_churn(const Flags& flags);
// --connections N opened and left alone. Prints {"open":N}; after the word "exchange" on stdin
// makes one request on each and prints {"exchanged":N}; ends with stdin.
int run_idle(const Flags& flags);
// --direction up|down, one stream; with --verify BYTES instead moves that many pseudo-random bytes
// and compares hashes.
int run_bulk(const Flags& flags);
// The same as bodies of HTTP/1.1 requests or replies of 256 MiB with their length, on one kept
// connection; up is a request's body.
int run_bodies(const Flags& flags);
// --connections N kept HTTP/2 ones, --streams S requests in flight on each; --count as above.
int run_http2(const Flags& flags);

}  // namespace bench
