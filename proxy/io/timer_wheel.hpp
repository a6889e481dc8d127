// SPDX-License-Identifier: Apache-2.0
// TimerWheel: one coarse hierarchical wheel per worker; arming and cancelling cost a list
// operation.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::io {

class TimerWheel;

/// Gets the call when a timer fires. The timer is disarmed before the call and may be armed again
/// in it.
class TimerHandler {
 public:
  virtual void on_timer() = 0;

 protected:
  ~TimerHandler() = default;
};

/// A timer, embedded in its owner. Destroying it disarms it.
class Timer {
 public:
  explicit Timer(TimerHandler& handler) noexcept : handler_(&handler) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }

  [[nodiscard]] bool armed() const noexcept { return next_ != nullptr; }
  void disarm() noexcept;

 private:
  friend class TimerWheel;
  Timer() noexcept : handler_(nullptr), next_(this), previous_(this) {}  // list head

  TimerHandler* handler_;
  Timer* next_ = nullptr;
  Timer* previous_ = nullptr;
  std::uint64_t deadline_ = 0;  // tick
};

/// Four levels of 64 slots over a tick of 8 ms: up to 37 hours; longer delays are cut to that.
/// A timer fires at most one tick late and never early. Single thread.
class TimerWheel {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kTick{8};

  explicit TimerWheel(Clock::time_point start) noexcept;

  /// (Re)arms `timer` to fire `delay` after `now`.
  void arm(Timer& timer, Clock::time_point now, std::chrono::milliseconds delay) noexcept;
  /// Fires everything due at `now`.
  void advance(Clock::time_point now);
  /// How long a wait may last from `now` without missing a timer; nullopt when none is armed.
  [[nodiscard]] std::optional<std::chrono::milliseconds> next_due(Clock::time_point now) noexcept;

 private:
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1u << kBits;
  static constexpr unsigned kLevels = 4;

  struct Slot {
    Timer head;
  };
  [[nodiscard]] std::uint64_t tick_of(Clock::time_point time) const noexcept;
  void insert(Timer& timer) noexcept;
  void cascade(unsigned level) noexcept;

  Clock::time_point start_;
  std::uint64_t current_ = 0;  // every tick ≤ current_ has been handled
  std::array<std::array<Slot, kSlots>, kLevels> levels_;
  // A set bit: the slot may hold timers. Disarming does not clear it, the next look does.
  std::array<std::uint64_t, kLevels> occupied_{};
};

}  // namespace weir::io
