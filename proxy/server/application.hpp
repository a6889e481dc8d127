// SPDX-License-Identifier: Apache-2.0
// Application: looks now and then at the application that the proxy serves.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "common/result.hpp"
#include "proxy/server/application_watch.hpp"

namespace weir::server {

/// Main thread. What cannot be looked at is logged when it begins and when it is over.
class Application {
 public:
  explicit Application(asio::io_context& io);

  /// To be called at the start, so that what cannot be looked at is known before it matters.
  void check();
  /// Whether it runs now. What stands in the way of knowing it decides: a shortage that passes
  /// means that it runs, sockets that the kernel does not show mean that it does not.
  [[nodiscard]] bool runs();
  /// Calls it once, when the application's processes have been seen and are gone. Nothing comes of
  /// it where processes are not shared.
  void watch(std::function<void()> on_ended);

 private:
  /// One of the application's, if one runs. Error: it cannot be known.
  Result<std::optional<pid_t>> find_running();
  Result<bool> socket_in_use();
  void look_later();
  void look();

  ApplicationWatch watch_;
  const bool shares_processes_;
  pid_t last_seen_ = 0;
  // What was logged last; "" = all is well.
  std::string process_problem_;
  std::string socket_problem_;
  std::function<void()> on_ended_;
  asio::steady_timer timer_;
};

}  // namespace weir::server
