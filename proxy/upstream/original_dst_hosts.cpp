// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/original_dst_hosts.hpp"

namespace weir::upstream {

std::shared_ptr<const Host> OriginalDstHosts::host(const UpstreamAddress& address) {
  const std::lock_guard lock(mutex_);
  auto& slot = hosts_[address.endpoint];
  if (slot == nullptr) {
    auto made = std::make_shared<Host>();
    made->address = address;
    made->stats = std::vector<stats::HostStats>(workers_);
    slot = std::move(made);
  }
  return slot;
}

void OriginalDstHosts::sweep() {
  const std::lock_guard lock(mutex_);
  // The count cannot rise meanwhile: new holders come through host(), which waits for the lock.
  std::erase_if(hosts_, [](const auto& entry) { return entry.second.use_count() == 1; });
}

std::vector<std::shared_ptr<const Host>> OriginalDstHosts::hosts() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const Host>> all;
  all.reserve(hosts_.size());
  for (const auto& [endpoint, host] : hosts_) all.push_back(host);
  return all;
}

}  // namespace weir::upstream
