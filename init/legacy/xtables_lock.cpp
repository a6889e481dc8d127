// SPDX-License-Identifier: Apache-2.0
#include "init/legacy/xtables_lock.hpp"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include <fcntl.h>

#include "init/system/small_file.hpp"

namespace weir::init {
namespace {

std::string lock_path() {
  const char* path = std::getenv("XTABLES_LOCKFILE");
  return path != nullptr && *path != 0 ? path : "/run/xtables.lock";
}

// The process that holds a flock on the file: `1: FLOCK  ADVISORY  WRITE 512 fe:00:1234 0 EOF`.
// Source: proc(5), /proc/locks.
std::optional<int> find_holder(int fd) {
  struct stat file {};
  if (fstat(fd, &file) != 0) return std::nullopt;
  const auto locks = read_small_file("/proc/locks");
  for (const std::string& line : lines_of(locks.value_or(std::string()))) {
    int pid = 0;
    unsigned major_id = 0;
    unsigned minor_id = 0;
    unsigned long inode = 0;
    if (std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &major_id, &minor_id,
                    &inode) != 4)
      continue;
    if (inode == file.st_ino && major_id == major(file.st_dev) && minor_id == minor(file.st_dev))
      return pid;
  }
  return std::nullopt;
}

std::string describe_holder(int fd) {
  const auto pid = find_holder(fd);
  // A process of another PID namespace shows as 0 or less.
  if (!pid || *pid <= 0) return "another process";
  const auto comm = read_small_file("/proc/" + std::to_string(*pid) + "/comm");
  const auto lines = lines_of(comm.value_or(std::string()));
  const std::string name = lines.empty() ? "" : lines[0];
  const std::string process = "process " + std::to_string(*pid);
  return name.empty() ? process : process + " (" + name + ")";
}

std::string seconds(std::chrono::milliseconds time) {
  std::string text = std::to_string(time.count() / 1000);
  if (const auto rest = time.count() % 1000; rest != 0)
    text += "." + std::to_string(1000 + rest).substr(1);
  return text + " s";
}

}  // namespace

Result<XtablesLock> lock_xtables(std::chrono::milliseconds timeout) {
  const std::string path = lock_path();
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) {
    const std::string reason = std::strerror(errno);
    return XtablesLock{UniqueFd(), "lock '" + path + "': " + reason +
                                       "; going on without the lock of iptables-legacy"};
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto pause = std::chrono::milliseconds(1);
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      return Error{"lock '" + path + "': " + std::strerror(errno), errno};
    if (std::chrono::steady_clock::now() >= deadline)
      return Error{"lock '" + path + "': held by " + describe_holder(fd.get()) + " for more than " +
                       seconds(timeout) + "; wait longer with --wait",
                   EBUSY};
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
  }
  return XtablesLock{std::move(fd), {}};
}

}  // namespace weir::init
