// SPDX-License-Identifier: Apache-2.0
// FakeWorker: a WorkerContext whose time stands still until a test moves it, and whose random
// numbers repeat.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "proxy/filters/worker_context.hpp"
#include "proxy/http/arena.hpp"

namespace weir::io {

/// Does what one turn of the loop does, at a time that the test says.
struct EventLoopTime {
  static void set(EventLoop& loop, EventLoop::Clock::time_point now) {
    loop.now_ = now;
    loop.wheel_.advance(now);
  }
  static void run_resumables(EventLoop& loop) {
    std::vector<Resumable*> turn;
    turn.swap(loop.resumable_);
    loop.in_turn_ = &turn;
    for (std::size_t i = 0; i < turn.size(); ++i)
      if (turn[i] != nullptr) turn[i]->on_resume();
    loop.in_turn_ = nullptr;
  }
};

}  // namespace weir::io

namespace weir::filters {

/// Everything that a filter may use of its worker. Never runs the loop: no descriptor is served.
class FakeWorker {
 public:
  explicit FakeWorker(std::uint64_t seed = 1, unsigned worker = 0)
      : context{worker, *loop_, end_reasons_, loop_guard_, upstream::Random(seed)} {}

  /// Moves the time on, tick by tick; timers that become due fire on the way.
  void advance(std::chrono::milliseconds by) {
    const auto end = loop_->now() + by;
    while (loop_->now() < end)
      io::EventLoopTime::set(*loop_, std::min(loop_->now() + io::TimerWheel::kTick, end));
  }
  /// The next turn of the loop, at the same time: what asked for resume_soon() runs.
  void turn() { io::EventLoopTime::run_resumables(*loop_); }
  /// From here on the same numbers as those of a Random of that seed.
  void seed(std::uint64_t seed) { context.random = upstream::Random(seed); }

  [[nodiscard]] io::EventLoop& loop() noexcept { return *loop_; }

  http::ArenaPool arenas;

 private:
  static std::unique_ptr<io::EventLoop> make_loop() {
    auto loop = io::EventLoop::create();
    return std::move(*loop);
  }

  std::unique_ptr<io::EventLoop> loop_ = make_loop();
  stats::EndReasonStats end_reasons_;
  upstream::LoopGuard loop_guard_{{}};

 public:
  WorkerContext context;  // last: refers to the others
};

}  // namespace weir::filters
