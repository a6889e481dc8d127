// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/sinks.hpp"

#include <chrono>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "common/log.hpp"

namespace weir::access_log {
namespace {

constexpr std::chrono::milliseconds kFlushDelay{200};

}  // namespace

/// Shared with handlers that are queued when the sinks go: they find `owner` empty.
struct AccessLogSinks::Timer {
  explicit Timer(asio::io_context& io) : timer(io) {}
  asio::steady_timer timer;
  AccessLogSinks* owner = nullptr;
  bool armed = false;
};

AccessLogSinks::AccessLogSinks(asio::io_context& io, stats::AccessLogStats& stats)
    : stats_(stats), timer_(std::make_shared<Timer>(io)) {
  timer_->owner = this;
}

AccessLogSinks::~AccessLogSinks() {
  timer_->owner = nullptr;
  timer_->timer.cancel();
  for (auto& [destination, sink] : sinks_) sink->flush();
}

void AccessLogSinks::arm() {
  if (std::exchange(timer_->armed, true)) return;
  timer_->timer.expires_after(kFlushDelay);
  timer_->timer.async_wait([timer = timer_](const std::error_code& error) {
    timer->armed = false;
    if (!error && timer->owner) timer->owner->flush();
  });
}

Result<AccessLogSink*> AccessLogSinks::open(const AccessLogConfig& config) {
  Destination destination = destination_of(config);
  if (const auto found = sinks_.find(destination); found != sinks_.end())
    return found->second.get();
  auto wake = [timer = timer_] {
    asio::post(timer->timer.get_executor(), [timer] {
      if (timer->owner) timer->owner->arm();
    });
  };
  TRY(auto sink, AccessLogSink::open(destination, stats_, std::move(wake)));
  return sinks_.emplace(std::move(destination), std::move(sink)).first->second.get();
}

void AccessLogSinks::reopen() {
  for (auto& [destination, sink] : sinks_)
    if (const auto done = sink->reopen(); !done)
      log::error(log::Component::main, "{}; the old file stays in use", done.error().message);
}

void AccessLogSinks::flush() {
  bool drained = true;
  for (auto& [destination, sink] : sinks_) drained = sink->flush() && drained;
  if (!drained) arm();
}

}  // namespace weir::access_log
