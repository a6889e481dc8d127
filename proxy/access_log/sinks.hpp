// SPDX-License-Identifier: Apache-2.0
// AccessLogSinks: the sinks of the process, one per destination, and the timer that flushes them.
#pragma once

#include <map>
#include <memory>

#include "proxy/access_log/sink.hpp"

namespace asio {
class io_context;
}

namespace weir::access_log {

/// Main thread. `io` and `stats` outlive it; it outlives every worker that was given a sink.
class AccessLogSinks {
 public:
  AccessLogSinks(asio::io_context& io, stats::AccessLogStats& stats);
  AccessLogSinks(const AccessLogSinks&) = delete;
  AccessLogSinks& operator=(const AccessLogSinks&) = delete;
  ~AccessLogSinks();  // flushes once more

  /// The sink for a configuration; the same object for the same destination. Valid as long as this
  /// object.
  Result<AccessLogSink*> open(const AccessLogConfig& config);
  /// Opens every file again (SIGUSR1). Logs what fails; the old file stays in use then.
  void reopen();
  /// Writes what is held, without blocking; called at exit too.
  void flush();

 private:
  struct Timer;
  void arm();

  stats::AccessLogStats& stats_;
  std::shared_ptr<Timer> timer_;
  std::map<Destination, std::unique_ptr<AccessLogSink>> sinks_;
};

}  // namespace weir::access_log
