// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/shutdown_steps.hpp"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::Pair;
using Step = ShutdownStep;
using Told = std::pair<int, Step>;

/// What is done when, in milliseconds; `seen` says what is seen then. Ends with quit.
template <class Seen>
std::vector<Told> steps(const ShutdownSteps::Times& times, Seen&& seen) {
  const ShutdownSteps::Clock::time_point start(1h);
  ShutdownSteps steps(times, start);
  std::vector<Told> told;
  for (int at = 0; at <= 100'000; at += 50) {
    const Step step = steps.next(start + milliseconds(at), seen(at));
    if (step != Step::wait) told.emplace_back(at, step);
    if (step == Step::quit) break;
  }
  return told;
}

constexpr ShutdownSteps::Seen kIdle{};

ShutdownSteps::Seen busy(bool is) { return {is ? 1u : 0u, false}; }

TEST(ShutdownSteps, WhoIsIdleGoesAfterAQuietMoment) {
  EXPECT_THAT(steps({0ms, 20s, 200ms}, [](int) { return kIdle; }),
              ElementsAre(Pair(0, Step::close_inbound), Pair(500, Step::pause),
                          Pair(700, Step::accept_waiting), Pair(750, Step::quit)));
}

TEST(ShutdownSteps, WhatIsOpenIsWaitedFor) {
  EXPECT_THAT(steps({0ms, 20s, 200ms}, [](int at) { return busy(at < 3000); }),
              ElementsAre(Pair(0, Step::close_inbound), Pair(3450, Step::pause),
                          Pair(3650, Step::accept_waiting), Pair(3700, Step::quit)));
}

TEST(ShutdownSteps, WhoComesInThePauseIsServed) {
  EXPECT_THAT(
      steps({0ms, 20s, 200ms}, [](int at) { return busy(at >= 600 && at < 1000); }),
      ElementsAre(Pair(0, Step::close_inbound), Pair(500, Step::pause),
                  Pair(700, Step::accept_waiting), Pair(750, Step::go_on), Pair(1450, Step::pause),
                  Pair(1650, Step::accept_waiting), Pair(1700, Step::quit)));
}

TEST(ShutdownSteps, InboundGoesOnFirst) {
  EXPECT_THAT(steps({5s, 20s, 200ms}, [](int) { return kIdle; }),
              ElementsAre(Pair(5000, Step::close_inbound), Pair(5500, Step::pause),
                          Pair(5700, Step::accept_waiting), Pair(5750, Step::quit)));
}

TEST(ShutdownSteps, TheTimeIsOver) {
  const auto always = [](int) { return busy(true); };
  EXPECT_THAT(steps({0ms, 2s, 200ms}, always),
              ElementsAre(Pair(0, Step::close_inbound), Pair(1500, Step::pause),
                          Pair(1700, Step::accept_waiting), Pair(2000, Step::quit)));
  EXPECT_THAT(steps({0ms, 0ms, 200ms}, always), ElementsAre(Pair(0, Step::quit)));
}

TEST(ShutdownSteps, ShortOnesOfTheLastCallAreServedAndThenItEnds) {
  EXPECT_THAT(steps({0ms, 2s, 200ms}, [](int at) { return busy(at < 1800); }),
              ElementsAre(Pair(0, Step::close_inbound), Pair(1500, Step::pause),
                          Pair(1700, Step::accept_waiting), Pair(1800, Step::quit)));
}

TEST(ShutdownSteps, TheWholeTimeDoesNotCutThatOfInboundListeners) {
  const auto told = steps({5s, 2s, 200ms}, [](int) { return busy(true); });
  EXPECT_THAT(told, ElementsAre(Pair(5000, Step::close_inbound), Pair(5500, Step::pause),
                                Pair(5700, Step::accept_waiting), Pair(6000, Step::quit)));
}

TEST(ShutdownSteps, TheApplicationIsWaitedFor) {
  const auto runs = [](int at) { return ShutdownSteps::Seen{0, at < 4000}; };
  EXPECT_THAT(steps({0ms, 20s, 200ms}, runs),
              ElementsAre(Pair(0, Step::close_inbound), Pair(4450, Step::pause),
                          Pair(4650, Step::accept_waiting), Pair(4700, Step::quit)));
}

}  // namespace
}  // namespace weir::server
