// SPDX-License-Identifier: Apache-2.0
// LoopGuard: keeps the proxy from dialling itself, whatever the configuration and the rules are.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "common/addresses.hpp"

namespace weir::upstream {

/// Two dangers, two checks.
/// 1. A destination that the client chose is one of our own listening sockets (it dialled
/// pod-ip:15001).
///    `is_own_listener` finds that before anything is dialled.
/// 2. The rules send our own upstream connections back to us (the proxy's identity is not
/// exempted). Nothing in the
///    destination shows it, but then the peer of an accepted connection is the local end of an
///    upstream socket of ours. Every 16th upstream socket is marked (one getsockname(2)), and what
///    is accepted from a marked one inherits the mark; when a marked connection is about to repeat
///    what the marking one did (same listener, same target) the circle is closed. A loop therefore
///    ends after some 16 turns, and takes all of them with it.
/// One object per process; every member may be called from any worker.
class LoopGuard {
 public:
  /// Where a mark comes from: the listener that accepted, and what it dialled.
  struct Origin {
    std::size_t listener = 0;
    UpstreamAddress target;
    bool operator==(const Origin&) const = default;
  };

  /// Sockets that we listen on. Main thread, before the workers start.
  explicit LoopGuard(std::vector<ListenAddress> bound) : bound_(std::move(bound)) {}

  /// True when `target` would be accepted by one of our own listening sockets: same port, and the
  /// same address or a wildcard together with an address of this host. One system call when the
  /// port matches, none otherwise.
  [[nodiscard]] bool is_own_listener(const UpstreamAddress& target) const;

  /// The mark of an accepted connection, if its peer is a marked upstream socket of ours.
  [[nodiscard]] std::optional<Origin> origin_of(const DownstreamAddress& peer) const;

  /// Marks the upstream socket with local address `local` until unmark().
  void mark(const Endpoint& local, const Origin& origin);
  void unmark(const Endpoint& local);

  static constexpr std::uint32_t kMarkEvery = 16;

 private:
  const std::vector<ListenAddress> bound_;
  std::atomic<std::uint32_t> marks_{0};  // spares the lock while nothing is marked
  mutable std::mutex mutex_;
  std::unordered_map<Endpoint, Origin, EndpointHash> marked_;  // guarded by mutex_
};

/// True when `address` belongs to this host (asks the kernel with a bind(2) on a throw-away
/// socket).
bool is_local_address(const IpAddress& address);

}  // namespace weir::upstream
