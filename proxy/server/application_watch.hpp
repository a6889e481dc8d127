// SPDX-License-Identifier: Apache-2.0
// ApplicationWatch: what belongs to the application that the proxy serves, and when it has ended,
// decided from what the kernel shows of processes and sockets.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>

namespace weir::server {

struct ProcessView {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
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
///   runs with the proxy's user and group (probes that are executed in its container). The network
///   namespace of others cannot be asked for without privileges; containers that share processes
///   are those of one Pod, and share that, too.
/// - Sockets of other users, where no process of the application was ever seen: whoever listens,
///   connects or holds a connection. TIME_WAIT and what outlives its process do not count.
class ApplicationWatch {
 public:
  using Clock = std::chrono::steady_clock;
  /// A container is made anew, or a shell starts its next command: not the end yet.
  static constexpr std::chrono::seconds kGone{2};

  explicit ApplicationWatch(const ProcessView& proxy) : proxy_(proxy) {}

  /// Whether it would be the application's, while it runs.
  [[nodiscard]] bool owns(const ProcessView& process) const noexcept;
  /// Whether it shows that the application runs.
  [[nodiscard]] bool owns(const SocketView& socket) const noexcept;

  /// To be called now and then, with a process of the application that runs, if one does: some have
  /// been seen, and none for kGone.
  [[nodiscard]] bool has_ended(std::optional<pid_t> process, Clock::time_point now);
  /// To be told whenever one runs. It counts as seen the second time: who enters the proxy's own
  /// container, to execute a probe, is not yet what it will be.
  void see(pid_t process) noexcept;
  /// A process of the application has been seen.
  [[nodiscard]] bool has_seen() const noexcept { return seen_; }

 private:
  const ProcessView proxy_;
  bool seen_ = false;
  pid_t last_ = 0;
  std::optional<Clock::time_point> gone_since_;
};

}  // namespace weir::server
