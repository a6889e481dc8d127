// SPDX-License-Identifier: Apache-2.0
#include "proxy/access_log/sink.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "common/log.hpp"

namespace weir::access_log {
namespace {

/// A pipe that polls writable takes this much without blocking (pipe(7), PIPE_BUF).
constexpr std::size_t kPipeChunk = 4096;
/// A buffer that grew past this is given back when it is empty: memory follows traffic.
constexpr std::size_t kKeptCapacity = 64 * 1024;

std::string describe_errno(int code) { return std::strerror(code); }

Result<UniqueFd> open_file(const std::string& path) {
  // O_NONBLOCK matters for a FIFO or a terminal; regular files ignore it.
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0644);
  if (fd < 0) return Error{"access log file '" + path + "': " + describe_errno(errno), errno};
  return UniqueFd(fd);
}

bool is_regular_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

std::uint64_t count_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

void release_if_large(std::string& buffer) {
  if (buffer.capacity() > kKeptCapacity)
    std::string().swap(buffer);
  else
    buffer.clear();
}

bool is_temporary(int code) {
  return code == EAGAIN || code == EWOULDBLOCK || code == EINTR || code == ENOSPC || code == EDQUOT;
}

}  // namespace

Destination destination_of(const AccessLogConfig& config) {
  using Sink = AccessLogConfig::Sink;
  if (config.sink != Sink::file) return {config.sink, ""};
  if (config.path == "/dev/stdout") return {Sink::standard_output, ""};
  if (config.path == "/dev/stderr") return {Sink::standard_error, ""};
  return {Sink::file, config.path};
}

Result<std::unique_ptr<AccessLogSink>> AccessLogSink::open(Destination destination,
                                                           stats::AccessLogStats& stats,
                                                           std::function<void()> wake) {
  using Sink = AccessLogConfig::Sink;
  if (destination.kind == Sink::file) {
    TRY(UniqueFd owned, open_file(destination.path));
    const int fd = owned.get();
    return std::unique_ptr<AccessLogSink>(new AccessLogSink(
        std::move(destination.path), std::move(owned), fd, false, stats, std::move(wake)));
  }
  const int fd = destination.kind == Sink::standard_output ? STDOUT_FILENO : STDERR_FILENO;
  return std::unique_ptr<AccessLogSink>(
      new AccessLogSink("", UniqueFd(), fd, !is_regular_file(fd), stats, std::move(wake)));
}

AccessLogSink::AccessLogSink(std::string path, UniqueFd owned, int fd, bool poll_first,
                             stats::AccessLogStats& stats, std::function<void()> wake)
    : path_(std::move(path)),
      owned_(std::move(owned)),
      fd_(fd),
      poll_first_(poll_first),
      stats_(stats),
      wake_(std::move(wake)) {}

void AccessLogSink::append(std::string_view lines) {
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = pending_.empty();
    const std::size_t room = kMaxHeldBytes - std::min(kMaxHeldBytes, pending_.size() + in_flight_);
    std::string_view kept = lines;
    if (kept.size() > room) {
      const std::size_t last = kept.substr(0, room).rfind('\n');
      kept = kept.substr(0, last == std::string_view::npos ? 0 : last + 1);
      dropped_ += count_lines(lines.substr(kept.size()));
    }
    pending_ += kept;
  }
  // Without room nothing is appended, but then an earlier append woke the main thread already.
  if (was_empty && wake_) wake_();
}

long AccessLogSink::write_some(std::string_view bytes) const {
  if (poll_first_) {
    pollfd waiting{fd_, POLLOUT, 0};
    if (::poll(&waiting, 1, 0) <= 0) {
      errno = EAGAIN;
      return -1;
    }
    bytes = bytes.substr(0, kPipeChunk);
  }
  return ::write(fd_, bytes.data(), bytes.size());
}

void AccessLogSink::take_pending() {
  const std::lock_guard lock(mutex_);
  std::swap(writing_, pending_);
  in_flight_ = writing_.size();
}

void AccessLogSink::forget_in_flight(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  in_flight_ -= std::min(bytes, in_flight_);
}

bool AccessLogSink::flush() {
  for (;;) {
    if (written_ == writing_.size()) {
      release_if_large(writing_);
      written_ = 0;
      take_pending();
      if (writing_.empty()) break;
    }
    const std::string_view rest = std::string_view(writing_).substr(written_);
    const long count = write_some(rest);
    if (count >= 0) {
      last_error_ = 0;
      const auto size = static_cast<std::size_t>(count);
      stats_.lines_written.add(count_lines(rest.substr(0, size)));
      written_ += size;
      forget_in_flight(size);
      continue;
    }
    if (errno == EINTR) continue;
    if (!handle_write_error(errno)) return false;
  }
  report_drops(true);
  return true;
}

/// @return true to go on with what is held.
bool AccessLogSink::handle_write_error(int code) {
  const bool full_pipe = code == EAGAIN || code == EWOULDBLOCK;
  if (!full_pipe) {
    stats_.write_errors.add();
    if (code != std::exchange(last_error_, code))
      log::error(log::Component::main, "access log '{}': write: {}", name(), describe_errno(code));
  }
  if (!is_temporary(code)) drop_writing();
  report_drops(false);
  return !is_temporary(code);
}

/// Gives up what cannot be written, a line whose beginning was written included.
void AccessLogSink::drop_writing() {
  const std::uint64_t lines = count_lines(std::string_view(writing_).substr(written_));
  written_ = writing_.size();
  const std::lock_guard lock(mutex_);
  in_flight_ = 0;
  dropped_ += lines;
}

void AccessLogSink::report_drops(bool drained) {
  std::uint64_t total = 0;
  {
    const std::lock_guard lock(mutex_);
    total = dropped_;
  }
  const std::uint64_t fresh = total - std::exchange(drops_seen_, total);
  stats_.lines_dropped.add(fresh);
  if (fresh > 0 && !std::exchange(dropping_, true)) {
    dropped_before_ = total - fresh;
    log::warning(log::Component::main,
                 "access log '{}': it takes fewer lines than arrive: dropping", name());
  }
  if (drained && fresh == 0 && std::exchange(dropping_, false))
    log::warning(log::Component::main, "access log '{}': {} lines were dropped", name(),
                 total - dropped_before_);
}

std::string_view AccessLogSink::name() const {
  if (!path_.empty()) return path_;
  return fd_ == STDOUT_FILENO ? "stdout" : "stderr";
}

Result<void> AccessLogSink::reopen() {
  if (path_.empty()) return {};
  flush();
  TRY(UniqueFd owned, open_file(path_));
  owned_ = std::move(owned);
  fd_ = owned_.get();
  // The new file starts with a whole line: the rest of a line that the old file has the beginning
  // of is lost.
  if (written_ > 0 && written_ < writing_.size() && writing_[written_ - 1] != '\n') {
    const std::size_t next = writing_.find('\n', written_) + 1;
    {
      const std::lock_guard lock(mutex_);
      in_flight_ -= next - written_;
      ++dropped_;
    }
    written_ = next;
  }
  return {};
}

}  // namespace weir::access_log
