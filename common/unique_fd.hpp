// SPDX-License-Identifier: Apache-2.0
// UniqueFd: owns one file descriptor.
#pragma once

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace weir {

/// Owns a descriptor and closes it. -1 = empty. `get()` borrows, `release()` gives ownership away.
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/// Another descriptor of the same open file, closed on exec; empty with errno if there is none
/// left. By dup(2), which ThreadSanitizer follows: it does not know F_DUPFD_CLOEXEC.
inline UniqueFd duplicate(int fd) noexcept {
  UniqueFd made(::dup(fd));
  if (made) ::fcntl(made.get(), F_SETFD, FD_CLOEXEC);
  return made;
}

}  // namespace weir
