// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstdio>

#include "bench/tools/histogram.hpp"
#include "bench/tools/load.hpp"
#include "bench/tools/requester.hpp"
#include "bench/tools/window.hpp"

namespace bench {

int run_closed(const Flags& flags) {
  const auto count = static_cast<std::uint64_t>(flags.number("count", 0));
  Requester requester(parse_destination(flags.text("to")),
                      static_cast<std::size_t>(flags.number("connections", 16)), Dialect(flags));
  Window window(flags);
  Histogram latency;
  if (count > 0) window.open();
  std::uint64_t sent = 0;
  const auto send_next = [&](std::size_t connection) {
    if (count > 0 && sent == count) return;
    ++sent;
    requester.send(connection, now_ns());
  };
  for (std::size_t i = 0; i < requester.size(); ++i) send_next(i);
  bool over = false;
  while (!over) {
    requester.wait(-1, [&](std::size_t connection, std::int64_t intended) {
      const std::int64_t now = now_ns();
      if (window.is_open()) latency.record(now - intended);
      if (count > 0) {
        over = latency.total() == count;
      } else {
        over = over || window.advance(now);
      }
      if (!over) send_next(connection);
    });
  }
  window.close();
  std::printf("{\"operations\":%llu,\"seconds\":%.6f,%s,\"p50_ns\":%llu,\"p99_ns\":%llu}\n",
              static_cast<unsigned long long>(latency.total()), window.seconds(),
              window.cpu().json().c_str(), static_cast<unsigned long long>(latency.quantile(0.5)),
              static_cast<unsigned long long>(latency.quantile(0.99)));
  return 0;
}

}  // namespace bench
