// SPDX-License-Identifier: Apache-2.0
// AccessLogSink: one file or standard stream that all workers log to; only the main thread writes
// it out.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "common/result.hpp"
#include "common/unique_fd.hpp"
#include "proxy/access_log/access_log_config.hpp"
#include "proxy/stats/main_blocks.hpp"

namespace weir::access_log {

/// Where lines go. The paths /dev/stdout and /dev/stderr mean the standard streams themselves:
/// opening them anew fails when they belong to another user.
struct Destination {
  AccessLogConfig::Sink kind = AccessLogConfig::Sink::file;
  std::string path;  // empty for a standard stream
  auto operator<=>(const Destination&) const = default;
};
Destination destination_of(const AccessLogConfig& config);

/// Workers never make a system call for a log line: they append to a bounded buffer, the main
/// thread writes it.
class AccessLogSink {
 public:
  static constexpr std::size_t kMaxHeldBytes = 4 * 1024 * 1024;

  /// Opens (and creates, mode 0644) the file, or borrows the standard stream. `wake` is called from
  /// any thread when lines arrive in an empty buffer: it asks the main thread to flush() soon.
  /// `stats` is written on the main thread only. The process ignores SIGPIPE.
  static Result<std::unique_ptr<AccessLogSink>> open(Destination destination,
                                                     stats::AccessLogStats& stats,
                                                     std::function<void()> wake);

  /// Any thread. `lines` holds whole lines, each with its newline: what one worker gathered in one
  /// loop iteration. Lines that do not fit are dropped whole, and counted.
  void append(std::string_view lines);

  /// Main thread. Writes what is held, without blocking. @return true when nothing is left.
  bool flush();

  /// Main thread, SIGUSR1: flushes, then opens the path again (log rotation). A standard stream
  /// stays as it is. On error the old file stays in use.
  Result<void> reopen();

 private:
  AccessLogSink(std::string path, UniqueFd owned, int fd, bool poll_first,
                stats::AccessLogStats& stats, std::function<void()> wake);
  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] long write_some(std::string_view bytes) const;
  void take_pending();
  void forget_in_flight(std::size_t bytes);
  bool handle_write_error(int code);
  void drop_writing();
  void report_drops(bool drained);

  const std::string path_;  // empty for a standard stream
  UniqueFd owned_;
  int fd_;
  const bool poll_first_;  // a shared stream that may block: we may not set O_NONBLOCK on it
  stats::AccessLogStats& stats_;
  const std::function<void()> wake_;

  // Main thread only.
  std::string writing_;  // goes to write(2) from `written_` on
  std::size_t written_ = 0;
  int last_error_ = 0;  // a repeated error is logged once
  bool dropping_ = false;
  std::uint64_t drops_seen_ = 0;
  std::uint64_t dropped_before_ = 0;  // when `dropping_` began

  std::mutex mutex_;  // guards what follows
  std::string pending_;
  std::size_t in_flight_ = 0;  // bytes of writing_ that are not written yet
  std::uint64_t dropped_ = 0;  // lines, ever
};

}  // namespace weir::access_log
