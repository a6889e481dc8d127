// SPDX-License-Identifier: Apache-2.0
#include "proxy/io/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace weir::io {
namespace {

using namespace std::chrono_literals;

std::pair<UniqueFd, UniqueFd> socket_pair() {
  int ends[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

struct Handler final : EventHandler {
  explicit Handler(std::function<void(Events, std::uint32_t)> callback)
      : call(std::move(callback)) {}
  void on_events(Events events, std::uint32_t tag) override { call(events, tag); }
  std::function<void(Events, std::uint32_t)> call;
};

std::unique_ptr<EventLoop> make_loop() {
  auto loop = EventLoop::create();
  EXPECT_TRUE(loop);
  return *std::move(loop);
}

TEST(EventLoop, DeliversEventsWithTheirTag) {
  auto loop = make_loop();
  auto [near, far] = socket_pair();
  std::uint32_t seen = 0;
  Handler handler([&](Events events, std::uint32_t tag) {
    EXPECT_NE(events & EPOLLIN, 0u);
    seen = tag;
    loop->stop();
  });
  ASSERT_TRUE(loop->watch(near.get(), EPOLLIN | EPOLLET, handler, 42));
  ASSERT_EQ(::write(far.get(), "x", 1), 1);
  loop->run();
  EXPECT_EQ(seen, 42u);
}

// Two descriptors are ready in one turn; the handler of whichever comes first forgets the other,
// whose slot is taken by a third registration at once. The stale event must reach nobody.
TEST(EventLoop, AnEventOfAForgottenRegistrationReachesNobody) {
  auto loop = make_loop();
  auto [near_a, far_a] = socket_pair();
  auto [near_b, far_b] = socket_pair();
  const auto third = socket_pair();
  SourceId sources[2];
  int calls = 0;
  int wrong = 0;
  Handler newcomer([&](Events, std::uint32_t) { ++wrong; });
  Handler handler([&](Events, std::uint32_t tag) {
    ++calls;
    loop->forget(sources[1 - tag]);
    ASSERT_TRUE(loop->watch(third.first.get(), EPOLLIN | EPOLLET, newcomer, 2));
    loop->stop();
  });
  sources[0] = *loop->watch(near_a.get(), EPOLLIN | EPOLLET, handler, 0);
  sources[1] = *loop->watch(near_b.get(), EPOLLIN | EPOLLET, handler, 1);
  ASSERT_EQ(::write(far_a.get(), "x", 1), 1);
  ASSERT_EQ(::write(far_b.get(), "x", 1), 1);
  loop->run();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(wrong, 0);
}

TEST(EventLoop, TimersFireAndTurnsEnd) {
  auto loop = make_loop();
  struct Stop final : TimerHandler {
    explicit Stop(EventLoop& l) : loop(l) {}
    void on_timer() override { loop.stop(); }
    EventLoop& loop;
    Timer timer{*this};
  } stop(*loop);
  int ends = 0;
  loop->set_turn_end([&] { ++ends; });
  loop->arm(stop.timer, 20ms);
  const auto before = std::chrono::steady_clock::now();
  loop->run();
  EXPECT_GE(std::chrono::steady_clock::now() - before,
            15ms);  // the loop's clock is coarse by a few ms
  EXPECT_GT(ends, 0);
}

TEST(EventLoop, PostedTasksRunInOrderOnTheLoopsThread) {
  auto loop = make_loop();
  std::vector<int> order;
  std::thread::id where;
  std::thread runner([&] { loop->run(); });
  const auto expected = runner.get_id();
  for (int i = 0; i < 100; ++i)
    loop->post([&, i] {
      order.push_back(i);
      where = std::this_thread::get_id();
    });
  loop->stop();
  runner.join();
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(where, expected);
}

TEST(EventLoop, ResumablesRunOnceEachAndMayBeWithdrawn) {
  auto loop = make_loop();
  struct Again final : Resumable {
    void on_resume() override {
      ++calls;
      if (then) then();
    }
    int calls = 0;
    std::function<void()> then;
  } first, second, third;
  first.then = [&] {
    loop->withdraw(second);  // in the same turn, before its call
    loop->resume_soon(third);
  };
  third.then = [&] { loop->stop(); };
  loop->resume_soon(first);
  loop->resume_soon(second);
  loop->run();
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 0);
  EXPECT_EQ(third.calls, 1);
}

}  // namespace
}  // namespace weir::io
