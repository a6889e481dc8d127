// SPDX-License-Identifier: Apache-2.0
// OriginalDstHosts: the hosts that an ORIGINAL_DST cluster has met, shared by all workers.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/addresses.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

/// A worker asks once per destination and keeps the pointer; the lock is not on the path of a
/// connection to a destination that it knows. A host that nobody holds any more disappears at the
/// next sweep, so the table does not grow with every address ever dialled. Any thread.
class OriginalDstHosts {
 public:
  explicit OriginalDstHosts(unsigned workers) : workers_(workers) {}

  /// The host of `address`, made on first use.
  std::shared_ptr<const Host> host(const UpstreamAddress& address);
  /// Drops the hosts that only this table holds.
  void sweep();
  [[nodiscard]] std::vector<std::shared_ptr<const Host>> hosts() const;

 private:
  const unsigned workers_;
  mutable std::mutex mutex_;
  std::unordered_map<Endpoint, std::shared_ptr<const Host>, EndpointHash>
      hosts_;  // guarded by mutex_
};

}  // namespace weir::upstream
