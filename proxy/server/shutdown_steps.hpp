// SPDX-License-Identifier: Apache-2.0
// ShutdownSteps: what happens when, from SIGTERM to the exit, as a function of time and of what is
// seen.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::server {

enum class ShutdownStep : std::uint8_t {
  wait,
  close_inbound,   // inbound listeners leave, losing nobody
  pause,           // no listener gets new connections; those that wait may still be accepted
  accept_waiting,  // they are accepted now; seen() is not asked before that is done
  go_on,           // after a pause: as before it
  quit
};

/// Inbound listeners serve for `termination` and leave; outbound ones go on while anything is open,
/// and while the application runs if that is looked at. Before the end comes a pause, so that
/// nobody is lost who has just been answered by the kernel. `total` bounds it all, but not
/// `termination`.
class ShutdownSteps {
 public:
  using Clock = std::chrono::steady_clock;
  /// How long nothing must be open.
  static constexpr std::chrono::milliseconds kQuiet{500};
  /// So long before the end of the time the last ones are accepted, so that what is short is
  /// served.
  static constexpr std::chrono::milliseconds kLastCall{500};

  struct Times {
    std::chrono::milliseconds termination{0};
    std::chrono::milliseconds total{0};
    std::chrono::milliseconds settle{0};  // length of a pause
  };
  struct Seen {
    std::uint32_t open = 0;  // connections
    bool application = false;
  };

  ShutdownSteps(const Times& times, Clock::time_point now);

  [[nodiscard]] ShutdownStep next(Clock::time_point now, const Seen& seen);

 private:
  enum class State : std::uint8_t { serving, outbound, paused, waiting_accepted, ending };
  [[nodiscard]] ShutdownStep while_outbound(Clock::time_point now, const Seen& seen);

  const Times times_;
  const Clock::time_point inbound_until_;
  const Clock::time_point end_;
  const Clock::time_point last_call_;
  State state_ = State::serving;
  Clock::time_point quiet_since_;
  Clock::time_point paused_at_;
};

}  // namespace weir::server
