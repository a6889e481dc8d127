// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/loop_guard.hpp"

#include "common/socket_address.hpp"
#include "common/unique_fd.hpp"

namespace weir::upstream {

bool is_local_address(const IpAddress& address) {
  const SocketAddress local(Endpoint{address, 0});
  const UniqueFd probe(socket(local.generic.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // A probe that cannot be made answers yes: refusing one connection is the smaller harm.
  return !probe || bind(probe.get(), &local.generic, local.length) == 0;
}

bool LoopGuard::is_own_listener(const UpstreamAddress& target) const {
  for (const ListenAddress& bound : bound_) {
    if (bound.endpoint.port != target.endpoint.port) continue;
    if (bound.endpoint.address == target.endpoint.address) return true;
    if (bound.endpoint.address.is_any() &&
        (target.endpoint.address.is_any() || is_local_address(target.endpoint.address)))
      return true;
  }
  return false;
}

std::optional<LoopGuard::Origin> LoopGuard::origin_of(const DownstreamAddress& peer) const {
  if (marks_.load(std::memory_order_relaxed) == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto at = marked_.find(peer.endpoint);
  if (at == marked_.end()) return std::nullopt;
  return at->second;
}

void LoopGuard::mark(const Endpoint& local, const Origin& origin) {
  const std::lock_guard lock(mutex_);
  marked_.insert_or_assign(local, origin);
  marks_.store(static_cast<std::uint32_t>(marked_.size()), std::memory_order_relaxed);
}

void LoopGuard::unmark(const Endpoint& local) {
  const std::lock_guard lock(mutex_);
  marked_.erase(local);
  marks_.store(static_cast<std::uint32_t>(marked_.size()), std::memory_order_relaxed);
}

}  // namespace weir::upstream
