// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "bench/tools/histogram.hpp"
#include "bench/tools/load.hpp"
#include "bench/tools/requester.hpp"
#include "bench/tools/window.hpp"

namespace bench {

int run_open(const Flags& flags) {
  const double interval_ns = 1e9 / flags.number("rate", 1000);
  Requester requester(parse_destination(flags.text("to")),
                      static_cast<std::size_t>(flags.number("connections", 16)), Dialect(flags));
  std::vector<std::size_t> idle;
  for (std::size_t i = 0; i < requester.size(); ++i) idle.push_back(i);

  Window window(flags);
  Histogram latency;
  const std::int64_t begun = now_ns();
  const auto warm_ns = static_cast<std::int64_t>(flags.number("warm", 0.3) * 1e9);
  const auto end = begun + warm_ns + static_cast<std::int64_t>(flags.number("seconds", 1.0) * 1e9);
  // A proxy that cannot keep the rate must not keep the run: what is unsent by then is reported.
  const std::int64_t give_up = end + 2'000'000'000;

  std::uint64_t planned = 0;
  const auto intended_of = [&](std::uint64_t k) {
    return begun + static_cast<std::int64_t>(static_cast<double>(k) * interval_ns);
  };
  for (;;) {
    std::int64_t now = now_ns();
    window.advance(now);
    while (!idle.empty() && intended_of(planned) <= now && intended_of(planned) < end) {
      requester.send(idle.back(), intended_of(planned++));
      idle.pop_back();
      now = now_ns();
    }
    const std::int64_t next = intended_of(planned);
    if (now >= give_up || (next >= end && idle.size() == requester.size())) break;
    const std::int64_t timeout = idle.empty() || next >= end ? give_up - now : next - now;
    requester.wait(std::max<std::int64_t>(timeout, 0),
                   [&](std::size_t connection, std::int64_t intended) {
                     if (intended >= begun + warm_ns) latency.record(now_ns() - intended);
                     idle.push_back(connection);
                   });
  }
  window.close();
  const auto wanted = static_cast<double>(end - begun) / interval_ns;
  const double unanswered =
      wanted - static_cast<double>(planned - (requester.size() - idle.size()));
  std::printf(
      "{\"operations\":%llu,\"seconds\":%.6f,\"unanswered\":%.0f,%s,\"p50_ns\":%llu,\"p90_ns\":%"
      "llu,"
      "\"p99_ns\":%llu,\"p999_ns\":%llu,\"max_ns\":%llu}\n",
      static_cast<unsigned long long>(latency.total()), window.seconds(),
      unanswered < 1 ? 0 : unanswered, window.cpu().json().c_str(),
      static_cast<unsigned long long>(latency.quantile(0.5)),
      static_cast<unsigned long long>(latency.quantile(0.9)),
      static_cast<unsigned long long>(latency.quantile(0.99)),
      static_cast<unsigned long long>(latency.quantile(0.999)),
      static_cast<unsigned long long>(latency.largest()));
  return 0;
}

}  // namespace bench
