// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/shutdown_steps.hpp"

#include <algorithm>

namespace weir::server {
namespace {

/// Those who came last before inbound listeners left get some time, too.
std::chrono::milliseconds whole(const ShutdownSteps::Times& times) {
  if (times.termination.count() == 0) return times.total;
  return std::max(times.total, times.termination + 2 * ShutdownSteps::kLastCall);
}

}  // namespace

ShutdownSteps::ShutdownSteps(const Times& times, Clock::time_point now)
    : times_(times),
      inbound_until_(now + times.termination),
      end_(now + whole(times)),
      last_call_(end_ - std::min(kLastCall, whole(times) / 2)),
      quiet_since_(now) {}

ShutdownStep ShutdownSteps::next(Clock::time_point now, const Seen& seen) {
  if (now >= end_) return ShutdownStep::quit;
  switch (state_) {
    case State::serving:
      if (now < inbound_until_) return ShutdownStep::wait;
      state_ = State::outbound;
      quiet_since_ = now;
      return ShutdownStep::close_inbound;
    case State::outbound:
      return while_outbound(now, seen);
    case State::paused:
      if (now < paused_at_ + times_.settle) return ShutdownStep::wait;
      state_ = State::waiting_accepted;
      return ShutdownStep::accept_waiting;
    case State::waiting_accepted:
      state_ = now >= last_call_ ? State::ending : State::outbound;
      if (seen.open == 0) return ShutdownStep::quit;
      if (state_ == State::ending) return ShutdownStep::wait;
      quiet_since_ = now;
      return ShutdownStep::go_on;
    case State::ending:
      return seen.open == 0 ? ShutdownStep::quit : ShutdownStep::wait;
  }
  return ShutdownStep::wait;
}

ShutdownStep ShutdownSteps::while_outbound(Clock::time_point now, const Seen& seen) {
  if (seen.open > 0 || seen.application) quiet_since_ = now;
  if (now < last_call_ && now - quiet_since_ < kQuiet) return ShutdownStep::wait;
  state_ = State::paused;
  paused_at_ = now;
  return ShutdownStep::pause;
}

}  // namespace weir::server
