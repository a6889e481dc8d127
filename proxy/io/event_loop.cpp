// SPDX-License-Identifier: Apache-2.0
#include "proxy/io/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

namespace weir::io {
namespace {

constexpr std::uint64_t kWakeup = UINT64_MAX;
constexpr int kMaxEvents = 256;

Error system_error(std::string_view call) {
  const int code = errno;
  return Error{std::string(call) + ": " + std::strerror(code), code};
}

}  // namespace

EventLoop::Clock::time_point coarse_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return EventLoop::Clock::time_point{std::chrono::seconds{now.tv_sec} +
                                      std::chrono::nanoseconds{now.tv_nsec}};
}

EventLoop::EventLoop(UniqueFd epoll, UniqueFd wakeup)
    : epoll_(std::move(epoll)), wakeup_(std::move(wakeup)), now_(coarse_now()), wheel_(now_) {}

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return system_error("epoll_create1");
  UniqueFd wakeup(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wakeup) return system_error("eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeup;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wakeup.get(), &event) != 0)
    return system_error("epoll_ctl");
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wakeup)));
}

Result<SourceId> EventLoop::watch(int fd, Events events, EventHandler& handler, std::uint32_t tag) {
  if (free_sources_.empty()) {
    free_sources_.push_back(static_cast<std::uint32_t>(sources_.size()));
    sources_.emplace_back();
  }
  const std::uint32_t index = free_sources_.back();
  Source& source = sources_[index];
  epoll_event event{};
  event.events = events;
  event.data.u64 = (std::uint64_t{source.generation} << 32) | index;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl");
  free_sources_.pop_back();
  source.handler = &handler;
  source.tag = tag;
  return SourceId{index, source.generation};
}

void EventLoop::change(SourceId source, int fd, Events events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = (std::uint64_t{source.generation} << 32) | source.index;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::forget(SourceId& source) noexcept {
  if (!source.valid()) return;
  Source& slot = sources_[source.index];
  slot.handler = nullptr;
  ++slot.generation;
  free_sources_.push_back(source.index);
  source = SourceId{};
}

void EventLoop::unwatch(SourceId& source, int fd) noexcept {
  if (!source.valid()) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  forget(source);
}

void EventLoop::withdraw(Resumable& resumable) noexcept {
  // Null in place: run() may be walking one of the two.
  constexpr Resumable* kNone = nullptr;
  std::replace(resumable_.begin(), resumable_.end(), &resumable, kNone);
  if (in_turn_ != nullptr) std::replace(in_turn_->begin(), in_turn_->end(), &resumable, kNone);
}

void EventLoop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
    if (posted_.size() > 1) return;  // the one before has woken the loop already
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakeup_.get(), &one, sizeof one);
}

void EventLoop::stop() {
  post([this] { stopping_ = true; });
}

void EventLoop::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wakeup_.get(), &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void EventLoop::discard_posted() {
  std::vector<std::function<void()>> tasks;
  const std::lock_guard lock(mutex_);
  tasks.swap(posted_);
}

int EventLoop::wait_timeout() noexcept {
  if (!resumable_.empty()) return 0;
  const auto due = wheel_.next_due(now_);
  if (!due) return -1;
  return static_cast<int>(std::min<std::int64_t>(due->count(), 1000 * 1000));
}

void EventLoop::dispatch(std::uint64_t data, Events events) {
  if (data == kWakeup) {
    run_posted();
    return;
  }
  const auto index = static_cast<std::uint32_t>(data);
  const Source& source = sources_[index];
  // A handler earlier in this turn may have closed this descriptor, and even given the slot to a
  // new one.
  if (source.generation != static_cast<std::uint32_t>(data >> 32) || source.handler == nullptr)
    return;
  source.handler->on_events(events, source.tag);
}

void EventLoop::run() {
  std::array<epoll_event, kMaxEvents> events;
  while (!stopping_) {
    const int count = epoll_wait(epoll_.get(), events.data(), kMaxEvents, wait_timeout());
    now_ = coarse_now();
    for (int i = 0; i < count; ++i) dispatch(events[i].data.u64, events[i].events);
    wheel_.advance(now_);
    if (!resumable_.empty()) {
      // Those that ask again in their turn wait for the next one, behind the descriptors.
      std::vector<Resumable*> turn;
      turn.swap(resumable_);
      in_turn_ = &turn;
      for (std::size_t i = 0; i < turn.size(); ++i)
        if (turn[i] != nullptr) turn[i]->on_resume();
      in_turn_ = nullptr;
    }
    if (turn_end_) turn_end_();
  }
}

}  // namespace weir::io
