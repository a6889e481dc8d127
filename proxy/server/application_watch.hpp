// SPDX-License-Identifier: Apache-2.0
// ApplicationWatch: whether the application that the proxy serves still runs, decided from what the
// kernel shows of processes and sockets.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

namespace weir::server {

struct ProcessView {
  pid_t pid = 0;
  uid_t uid = 0;
  char state = 'R';  // as /proc/PID/stat has it
};

/// A TCP socket of the network namespace.
struct SocketView {
  uid_t uid = 0;
  std::uint8_t state = 0;   // TCP_LISTEN and its like
  std::uint32_t inode = 0;  // 0: no process has it any more
};

/// Two sources, each where it is good:
/// - Processes, where the containers of the Pod share a process namespace: every process is the
///   application's but the first one (which holds the Pod together), the proxy itself, and what
///   runs with the proxy's user (probes that are executed in its container). The network namespace
///   of others cannot be asked for without privileges; containers that share processes are those of
///   one Pod, and share that, too.
/// - Sockets of other users, where no process of the application was ever seen: whoever listens,
///   connects or holds a connection. TIME_WAIT and what outlives its process do not count.
class ApplicationWatch {
 public:
  using Clock = std::chrono::steady_clock;
  /// A container is made anew, or a shell starts its next command: not the end yet.
  static constexpr std::chrono::seconds kGone{2};

  ApplicationWatch(pid_t own_pid, uid_t own_uid) : pid_(own_pid), uid_(own_uid) {}

  /// To be called now and then: processes of the application have been seen, and none for kGone.
  [[nodiscard]] bool has_ended(std::span<const ProcessView> processes, Clock::time_point now);
  /// Now.
  [[nodiscard]] bool runs(std::span<const ProcessView> processes,
                          std::span<const SocketView> sockets);
  /// runs() asks for sockets.
  [[nodiscard]] bool needs_sockets() const noexcept { return !seen_; }

 private:
  [[nodiscard]] bool is_there(std::span<const ProcessView> processes);

  const pid_t pid_;
  const uid_t uid_;
  bool seen_ = false;
  std::optional<Clock::time_point> gone_since_;
};

}  // namespace weir::server
