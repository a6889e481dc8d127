// SPDX-License-Identifier: Apache-2.0
// LoopGuard: keeps the proxy from dialling itself, whatever the configuration and the rules are.
#pragma once

#include <array>
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
///    destination shows it, but then an accepted connection has the two addresses of an upstream
///    socket of ours: its peer is the local end, and it was sent to what we dialled. (The local end
///    alone proves nothing: the kernel gives one port to sockets with different destinations.)
///    Every 16th upstream socket is marked (one getsockname(2)), and what
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

  explicit LoopGuard(std::vector<ListenAddress> bound) { set_bound(std::move(bound)); }

  /// The sockets that we listen on, from now on.
  void set_bound(std::vector<ListenAddress> bound);

  /// True when `target` would be accepted by one of our own listening sockets: same port, and the
  /// same address or a wildcard together with an address of this host. A lock and one system
  /// call when the port matches, none otherwise.
  [[nodiscard]] bool is_own_listener(const UpstreamAddress& target) const;

  /// An upstream socket of ours.
  struct Socket {
    Endpoint local;
    UpstreamAddress remote;  // what was dialled
    bool operator==(const Socket&) const = default;
  };
  struct Mark {
    UpstreamAddress remote;
    Origin origin;
  };

  /// The marks of upstream sockets whose local end is `peer`; usually none. The accepted connection
  /// is one of ours when it was sent to the `remote` of one of them.
  [[nodiscard]] std::vector<Mark> marks_of(const DownstreamAddress& peer) const;

  /// Marks an upstream socket until unmark().
  void mark(const Socket& socket, const Origin& origin);
  void unmark(const Socket& socket);

  static constexpr std::uint32_t kMarkEvery = 16;

 private:
  /// Port p is bit p % 64 of word p / 64: spares the lock for all others.
  std::array<std::atomic<std::uint64_t>, 65536 / 64> bound_ports_{};
  std::vector<ListenAddress> bound_;     // guarded by mutex_
  std::atomic<std::uint32_t> marks_{0};  // spares the lock while nothing is marked
  mutable std::mutex mutex_;
  std::unordered_multimap<Endpoint, Mark, EndpointHash> marked_;  // by local end; guarded by mutex_
};

}  // namespace weir::upstream
