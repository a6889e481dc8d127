// SPDX-License-Identifier: Apache-2.0
// One HTTP request at a time to listeners on 127.0.0.1: does it serve, and which version?
#pragma once

#include <cstdint>
#include <string>

namespace bench {

// GET over a connection of its own. Whether the answer was a 200, and has the line `header` unless
// that is empty.
bool serves(std::uint16_t port, const std::string& header = {});

// When the last of `count` ports from `first` on began to serve, in ns: some of them are asked
// until they do, then all must accept. Ends the program when that takes longer than `seconds`.
std::int64_t when_all_serve(std::uint16_t first, int count, double seconds);

// How many of those ports answer.
int count_serving(std::uint16_t first, int count);

// When the port answered with that header for the first time, in ns.
std::int64_t when_answered_with(std::uint16_t port, const std::string& header, double seconds);

}  // namespace bench
