// SPDX-License-Identifier: Apache-2.0
// EventLoop: the loop of one worker thread over edge-triggered epoll. The narrow seam for another
// engine.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "proxy/io/timer_wheel.hpp"

namespace weir::io {

/// What happened to a registered descriptor; values are epoll's.
using Events = std::uint32_t;

/// Gets the events of a descriptor. `tag` is what the owner gave at registration, to tell its
/// descriptors apart.
class EventHandler {
 public:
  virtual void on_events(Events events, std::uint32_t tag) = 0;

 protected:
  ~EventHandler() = default;
};

/// Names a registration. The generation makes an event of an earlier owner of the slot harmless.
struct SourceId {
  std::uint32_t index = UINT32_MAX;
  std::uint32_t generation = 0;
  [[nodiscard]] bool valid() const noexcept { return index != UINT32_MAX; }
};

/// Wants to run again soon, after the descriptors that are ready now had their turn.
class Resumable {
 public:
  virtual void on_resume() = 0;

 protected:
  ~Resumable() = default;
};

/// Everything but post() and stop() belongs to the thread that calls run().
class EventLoop {
 public:
  using Clock = TimerWheel::Clock;

  /// Error: epoll or eventfd could not be made (errno).
  static Result<std::unique_ptr<EventLoop>> create();

  /// Registers `fd` (borrowed) for `events`; `handler` must live until forget(). Error carries
  /// errno.
  Result<SourceId> watch(int fd, Events events, EventHandler& handler, std::uint32_t tag);
  /// Changes the events of a registration. Edge-triggered ones report again what is ready already.
  void change(SourceId source, int fd, Events events);
  /// Ends a registration without a system call: closing the descriptor takes it out of epoll.
  void forget(SourceId& source) noexcept;
  /// Ends a registration of a descriptor that stays open.
  void unwatch(SourceId& source, int fd) noexcept;

  void arm(Timer& timer, std::chrono::milliseconds delay) { wheel_.arm(timer, now_, delay); }
  /// Calls on_resume() once in this or the next turn. The object must stay alive until then or be
  /// withdrawn.
  void resume_soon(Resumable& resumable) { resumable_.push_back(&resumable); }
  void withdraw(Resumable& resumable) noexcept;

  /// Time of the present turn; steps with the kernel's tick (a few ms).
  [[nodiscard]] Clock::time_point now() const noexcept { return now_; }

  /// Runs at the end of every turn that did something: flush what was gathered.
  void set_turn_end(std::function<void()> callback) { turn_end_ = std::move(callback); }

  /// Any thread: runs `task` on the loop's thread.
  void post(std::function<void()> task);
  /// Any thread: makes run() return after the present turn.
  void stop();
  void run();
  /// After run() has returned: forgets what was posted and not run.
  void discard_posted();

 private:
  friend struct EventLoopTime;  // of the tests, which move the time themselves
  struct Source {
    EventHandler* handler = nullptr;
    std::uint32_t tag = 0;
    std::uint32_t generation = 0;
  };
  EventLoop(UniqueFd epoll, UniqueFd wakeup);
  [[nodiscard]] int wait_timeout() noexcept;
  void dispatch(std::uint64_t data, Events events);
  void run_posted();

  UniqueFd epoll_;
  UniqueFd wakeup_;  // eventfd
  Clock::time_point now_;
  TimerWheel wheel_;
  std::vector<Source> sources_;
  std::vector<std::uint32_t> free_sources_;
  std::vector<Resumable*> resumable_;
  std::vector<Resumable*>* in_turn_ = nullptr;  // those whose turn it is, while run() walks them
  std::function<void()> turn_end_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
  bool stopping_ = false;                      // loop thread only
};

/// CLOCK_MONOTONIC_COARSE as a steady_clock time: no system call even where the precise clock needs
/// one.
EventLoop::Clock::time_point coarse_now() noexcept;

}  // namespace weir::io
