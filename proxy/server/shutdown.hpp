// SPDX-License-Identifier: Apache-2.0
// Shutdown: runs the steps from SIGTERM to the exit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "proxy/server/shutdown_steps.hpp"
#include "proxy/server/worker.hpp"

namespace weir::server {

/// Main thread.
class Shutdown {
 public:
  struct Setup {
    asio::io_context& io;
    const std::vector<std::unique_ptr<Worker>>& workers;
    std::function<std::uint32_t()> open_connections;
    std::function<void()> close_inbound;
    std::function<void()> quit;
  };
  explicit Shutdown(Setup setup) : setup_(std::move(setup)), timer_(setup_.io) {}

  /// Once. The workers run.
  void begin(std::chrono::milliseconds termination, std::chrono::milliseconds total);
  [[nodiscard]] bool has_begun() const noexcept { return steps_.has_value(); }
  /// Asked now and then while it would matter: whether the application still runs.
  void set_application(std::function<bool()> runs) { application_runs_ = std::move(runs); }

 private:
  void step();
  void step_later();
  void on_all_workers(void (Worker::*act)());
  void accept_waiting();
  [[nodiscard]] bool application_runs(std::uint32_t open);

  Setup setup_;
  asio::steady_timer timer_;
  std::optional<ShutdownSteps> steps_;
  std::function<bool()> application_runs_;
  ShutdownSteps::Clock::time_point asked_;
  bool ran_ = false;
};

}  // namespace weir::server
