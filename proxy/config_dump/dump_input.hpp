// SPDX-License-Identifier: Apache-2.0
// DumpInput: what /config_dump is made from.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "proxy/admin/admin_source.hpp"
#include "proxy/discovery/resource_store.hpp"

namespace weir::config_dump {

/// The configuration at one moment. `store` has the last good version of each resource, the others
/// say which versions serve.
struct DumpInput {
  using Listeners = std::vector<std::shared_ptr<const config::ListenerConfig>>;

  const discovery::ResourceStore& store;
  std::chrono::system_clock::time_point started;  // when the bootstrap was read
  Listeners active_listeners;
  Listeners draining_listeners;
  std::vector<admin::ClusterView> clusters;  // that serve
};

}  // namespace weir::config_dump
