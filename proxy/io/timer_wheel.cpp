// SPDX-License-Identifier: Apache-2.0
#include "proxy/io/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace weir::io {

void Timer::disarm() noexcept {
  if (next_ == nullptr) return;
  next_->previous_ = previous_;
  previous_->next_ = next_;
  next_ = previous_ = nullptr;
}

TimerWheel::TimerWheel(Clock::time_point start) noexcept : start_(start) {}

std::uint64_t TimerWheel::tick_of(Clock::time_point time) const noexcept {
  return time <= start_ ? 0 : static_cast<std::uint64_t>((time - start_) / kTick);
}

void TimerWheel::arm(Timer& timer, Clock::time_point now,
                     std::chrono::milliseconds delay) noexcept {
  timer.disarm();
  // Rounded up and one tick on: the current tick has partly passed already, and early is worse than
  // late.
  const auto ticks = static_cast<std::uint64_t>(
      (std::max(delay, std::chrono::milliseconds{0}) + kTick - std::chrono::milliseconds{1}) /
      kTick);
  constexpr std::uint64_t kFurthest = (std::uint64_t{1} << (kBits * kLevels)) - 1;
  timer.deadline_ = std::min(std::max(tick_of(now), current_) + ticks + 1, current_ + kFurthest);
  insert(timer);
}

void TimerWheel::insert(Timer& timer) noexcept {
  // The level is the highest digit (base 64) in which deadline and present differ.
  const std::uint64_t difference = timer.deadline_ ^ current_;
  unsigned level = 0;
  while (level + 1 < kLevels && (difference >> (kBits * (level + 1))) != 0) ++level;
  const auto slot = static_cast<unsigned>((timer.deadline_ >> (kBits * level)) & (kSlots - 1));
  occupied_[level] |= std::uint64_t{1} << slot;
  Timer& head = levels_[level][slot].head;
  timer.next_ = &head;
  timer.previous_ = head.previous_;
  head.previous_->next_ = &timer;
  head.previous_ = &timer;
}

void TimerWheel::cascade(unsigned level) noexcept {
  Timer& head = levels_[level][(current_ >> (kBits * level)) & (kSlots - 1)].head;
  Timer* timer = head.next_;
  head.next_ = head.previous_ = &head;
  while (timer != &head) {
    Timer* next = timer->next_;
    insert(*timer);
    timer = next;
  }
}

void TimerWheel::advance(Clock::time_point now) {
  const std::uint64_t target = tick_of(now);
  // After a long sleep without timers there is nothing to walk through.
  if (target > current_ + kSlots && !next_due(now)) current_ = target;
  while (current_ < target) {
    ++current_;
    for (unsigned level = kLevels - 1; level > 0; --level)
      if ((current_ & ((std::uint64_t{1} << (kBits * level)) - 1)) == 0) cascade(level);
    Timer& head = levels_[0][current_ & (kSlots - 1)].head;
    while (head.next_ != &head) {
      Timer* timer = head.next_;
      timer->disarm();
      timer->handler_->on_timer();
    }
  }
}

std::optional<std::chrono::milliseconds> TimerWheel::next_due(Clock::time_point now) noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t position = current_ >> (kBits * level);
    const auto here = static_cast<unsigned>(position & (kSlots - 1));
    while (occupied_[level] != 0) {
      // Bit 0 of the rotated map is the slot after the present one.
      const std::uint64_t ahead = std::rotr(occupied_[level], static_cast<int>(here + 1));
      const auto step = static_cast<unsigned>(std::countr_zero(ahead)) + 1;
      const unsigned slot = (here + step) & (kSlots - 1);
      if (const Timer& head = levels_[level][slot].head; head.next_ == &head) {
        occupied_[level] &= ~(std::uint64_t{1} << slot);
        continue;
      }
      // A slot of a higher level is due when it cascades, at its first tick.
      const auto due =
          start_ + kTick * static_cast<std::int64_t>((position + step) << (kBits * level));
      return std::max(std::chrono::ceil<std::chrono::milliseconds>(due - now),
                      std::chrono::milliseconds{0});
    }
  }
  return std::nullopt;
}

}  // namespace weir::io
