// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/loop_guard.hpp"

#include <algorithm>

#include "common/socket_address.hpp"

namespace weir::upstream {

bool LoopGuard::is_own_listener(const UpstreamAddress& target) const {
  for (const ListenAddress& bound : bound_) {
    if (bound.endpoint.port != target.endpoint.port) continue;
    if (bound.endpoint.address == target.endpoint.address) return true;
    if (bound.endpoint.address.is_any() &&
        // An address that cannot be asked for counts as ours: refusing one connection is the
        // smaller harm.
        (target.endpoint.address.is_any() || is_local_address(target.endpoint.address)))
      return true;
  }
  return false;
}

std::vector<LoopGuard::Mark> LoopGuard::marks_of(const DownstreamAddress& peer) const {
  if (marks_.load(std::memory_order_relaxed) == 0) return {};
  std::vector<Mark> marks;
  const std::lock_guard lock(mutex_);
  const auto [first, last] = marked_.equal_range(peer.endpoint);
  for (auto at = first; at != last; ++at) marks.push_back(at->second);
  return marks;
}

void LoopGuard::mark(const Socket& socket, const Origin& origin) {
  const std::lock_guard lock(mutex_);
  marked_.emplace(socket.local, Mark{socket.remote, origin});
  marks_.store(static_cast<std::uint32_t>(marked_.size()), std::memory_order_relaxed);
}

void LoopGuard::unmark(const Socket& socket) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = marked_.equal_range(socket.local);
  const auto at = std::find_if(
      first, last, [&](const auto& entry) { return entry.second.remote == socket.remote; });
  if (at != last) marked_.erase(at);
  marks_.store(static_cast<std::uint32_t>(marked_.size()), std::memory_order_relaxed);
}

}  // namespace weir::upstream
