// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/loop_guard.hpp"

#include <algorithm>

#include "common/socket_address.hpp"

namespace weir::upstream {

void LoopGuard::set_bound(std::vector<ListenAddress> bound) {
  std::vector<std::uint64_t> ports(bound_ports_.size());
  for (const ListenAddress& address : bound)
    ports[address.endpoint.port / 64] |= std::uint64_t{1} << (address.endpoint.port % 64);
  const std::lock_guard lock(mutex_);
  bound_ = std::move(bound);
  for (std::size_t i = 0; i < ports.size(); ++i)
    bound_ports_[i].store(ports[i], std::memory_order_relaxed);
}

bool LoopGuard::is_own_listener(const UpstreamAddress& target) const {
  const std::uint16_t port = target.endpoint.port;
  const auto word = bound_ports_[port / 64].load(std::memory_order_relaxed);
  if ((word >> (port % 64) & 1) == 0) return false;
  const std::lock_guard lock(mutex_);
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
