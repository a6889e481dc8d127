// SPDX-License-Identifier: Apache-2.0
#include "proxy/io/timer_wheel.hpp"

#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace weir::io {
namespace {

using namespace std::chrono_literals;
using Clock = TimerWheel::Clock;

const Clock::time_point kStart = Clock::time_point{} + 1000h;

struct Recorder final : TimerHandler {
  void on_timer() override {
    ++fired;
    if (wheel != nullptr) wheel->arm(timer, now, again);
  }
  Timer timer{*this};
  int fired = 0;
  TimerWheel* wheel = nullptr;  // set: arms itself again, `again` after `now`
  Clock::time_point now;
  std::chrono::milliseconds again{0};
};

// Moves the wheel on in steps of `step` and returns when the recorder fired first.
Clock::duration fires_after(TimerWheel& wheel, Recorder& recorder, std::chrono::milliseconds step,
                            std::chrono::milliseconds most) {
  for (auto passed = 0ms; passed <= most; passed += step) {
    wheel.advance(kStart + passed);
    if (recorder.fired > 0) return passed;
  }
  return Clock::duration::max();
}

TEST(TimerWheel, FiresNeverEarlyAndAtMostTwoTicksLate) {
  for (const auto delay :
       {0ms, 1ms, 7ms, 8ms, 9ms, 100ms, 511ms, 512ms, 513ms, 5000ms, 32768ms, 40000ms}) {
    TimerWheel wheel(kStart);
    Recorder recorder;
    wheel.arm(recorder.timer, kStart, delay);
    const auto fired = fires_after(wheel, recorder, 1ms, delay + 100ms);
    EXPECT_GE(fired, delay) << delay.count();
    EXPECT_LE(fired, delay + 2 * TimerWheel::kTick) << delay.count();
  }
}

TEST(TimerWheel, FiresLongDelaysToo) {
  for (const auto delay : {std::chrono::milliseconds(1h), std::chrono::milliseconds(30h)}) {
    TimerWheel wheel(kStart);
    Recorder recorder;
    wheel.arm(recorder.timer, kStart, delay);
    wheel.advance(kStart + delay - 1s);
    EXPECT_EQ(recorder.fired, 0);
    wheel.advance(kStart + delay + 1s);
    EXPECT_EQ(recorder.fired, 1);
  }
}

TEST(TimerWheel, DisarmedAndDestroyedTimersStaySilent) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  wheel.arm(recorder.timer, kStart, 10ms);
  recorder.timer.disarm();
  {
    Recorder gone;
    wheel.arm(gone.timer, kStart, 10ms);
  }
  wheel.advance(kStart + 1s);
  EXPECT_EQ(recorder.fired, 0);
  EXPECT_FALSE(wheel.next_due(kStart + 1s).has_value());
}

TEST(TimerWheel, ArmingAgainMovesTheTimer) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  wheel.arm(recorder.timer, kStart, 10ms);
  wheel.arm(recorder.timer, kStart, 500ms);
  wheel.advance(kStart + 400ms);
  EXPECT_EQ(recorder.fired, 0);
  wheel.advance(kStart + 600ms);
  EXPECT_EQ(recorder.fired, 1);
}

TEST(TimerWheel, AHandlerMayArmItsTimerAgain) {
  TimerWheel wheel(kStart);
  Recorder recorder;
  recorder.wheel = &wheel;
  recorder.again = 20ms;
  recorder.now = kStart;
  wheel.arm(recorder.timer, kStart, 20ms);
  for (auto passed = 0ms; passed <= 200ms; passed += 1ms) {
    recorder.now = kStart + passed;
    wheel.advance(kStart + passed);
  }
  EXPECT_GE(recorder.fired, 5);
  EXPECT_LE(recorder.fired, 10);
}

TEST(TimerWheel, NextDueNeverSleepsPastATimer) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    TimerWheel wheel(kStart);
    const auto begin = kStart + std::chrono::milliseconds(random() % 100000);
    wheel.advance(begin);
    std::vector<std::unique_ptr<Recorder>> recorders;
    auto earliest = Clock::time_point::max();
    for (int i = 0; i < 5; ++i) {
      const std::chrono::milliseconds delay(random() % 200000);
      recorders.push_back(std::make_unique<Recorder>());
      wheel.arm(recorders.back()->timer, begin, delay);
      earliest = std::min(earliest, begin + delay);
    }
    // Sleeping exactly as long as told must reach the earliest timer, and not much later.
    auto now = begin;
    int fired = 0;
    for (int turns = 0; fired == 0 && turns < 20; ++turns) {
      const auto wait = wheel.next_due(now);
      ASSERT_TRUE(wait.has_value());
      now += *wait;
      wheel.advance(now);
      for (const auto& recorder : recorders) fired += recorder->fired;
    }
    ASSERT_GT(fired, 0);
    EXPECT_GE(now, earliest);
    EXPECT_LE(now, earliest + 3 * TimerWheel::kTick);
  }
}

}  // namespace
}  // namespace weir::io
