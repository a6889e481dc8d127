// SPDX-License-Identifier: Apache-2.0
// weirctl wait: GET /ready until it says LIVE.
#include <thread>

#include "ctl/admin_client.hpp"
#include "ctl/commands.hpp"

namespace weir::ctl {
namespace {

using Clock = std::chrono::steady_clock;

/// Nothing when the proxy is ready; otherwise why it is not, one line for the log of a probe.
std::string what_is_in_the_way(const Endpoint& admin, Clock::duration time) {
  const auto answer = ask_admin(admin, "GET", "/ready", time);
  if (!answer) return answer.error().message;
  if (answer->status == "200" && answer->body.starts_with("LIVE")) return {};
  std::string text = answer->body;
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
    text.replace(at, 1, "; ");
  return "/ready answers " + answer->status + ": " + text;
}

}  // namespace

Result<void> wait_until_ready(const WaitOptions& options) {
  const auto deadline = Clock::now() + options.timeout;
  std::string last;
  for (;;) {
    const auto left = deadline - Clock::now();
    if (left > Clock::duration::zero()) {
      last = what_is_in_the_way(options.admin, left);
      if (last.empty()) return {};
    }
    if (Clock::now() + options.interval >= deadline)
      return Error{"admin '" + options.admin.to_string() + "': not ready within " +
                   std::to_string(options.timeout.count()) + " ms: " + last};
    std::this_thread::sleep_for(options.interval);
  }
}

}  // namespace weir::ctl
