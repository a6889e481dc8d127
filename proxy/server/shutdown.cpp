// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/shutdown.hpp"

#include <asio/post.hpp>

#include "common/log.hpp"

namespace weir::server {
namespace {

constexpr std::chrono::milliseconds kCheck{50};
/// The kernel is asked for a list: not more often than that.
constexpr std::chrono::milliseconds kApplicationCheck{200};

}  // namespace

void Shutdown::begin(std::chrono::milliseconds termination, std::chrono::milliseconds total) {
  steps_.emplace(ShutdownSteps::Times{termination, total, listener::Acceptor::kSettle},
                 ShutdownSteps::Clock::now());
  step();
}

void Shutdown::step() {
  const std::uint32_t open = setup_.open_connections();
  switch (steps_->next(ShutdownSteps::Clock::now(), {open, application_runs(open)})) {
    case ShutdownStep::wait:
      break;
    case ShutdownStep::close_inbound:
      setup_.close_inbound();
      break;
    case ShutdownStep::pause:
      on_all_workers(&Worker::pause_accepting);
      break;
    case ShutdownStep::accept_waiting:
      return accept_waiting();
    case ShutdownStep::go_on:
      on_all_workers(&Worker::go_on_accepting);
      break;
    case ShutdownStep::quit:
      log::info(log::Component::main, "drained: {} connections left to close", open);
      return setup_.quit();
  }
  step_later();
}

void Shutdown::step_later() {
  timer_.expires_after(kCheck);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) step();
  });
}

void Shutdown::on_all_workers(void (Worker::*act)()) {
  for (const auto& worker : setup_.workers) (worker.get()->*act)();
}

/// The number of open connections says what it should once all workers have done it.
void Shutdown::accept_waiting() {
  const auto left = std::make_shared<std::size_t>(setup_.workers.size());
  for (const auto& worker : setup_.workers)
    worker->accept_waiting([this, left] {
      asio::post(setup_.io, [this, left] {
        if (--*left == 0) step();
      });
    });
}

bool Shutdown::application_runs(std::uint32_t open) {
  if (!application_runs_ || open > 0) return false;
  const auto now = ShutdownSteps::Clock::now();
  if (now >= asked_ + kApplicationCheck) {
    asked_ = now;
    ran_ = application_runs_();
  }
  return ran_;
}

}  // namespace weir::server
