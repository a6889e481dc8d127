// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/runtime_config.hpp"

namespace weir::server {

Result<std::unique_ptr<RuntimeConfig>> RuntimeConfig::build(
    std::shared_ptr<const config::Snapshot> snapshot, unsigned workers) {
  auto runtime = std::make_unique<RuntimeConfig>();
  runtime->snapshot = std::move(snapshot);
  for (const auto& listener : runtime->snapshot->listeners) {
    TRY(auto matcher, listener::FilterChainMatcher::build(*listener));
    runtime->matchers.push_back(std::move(matcher));
    runtime->listener_connections.emplace_back(0);
  }
  runtime->handoff = listener::HandoffTable::build(runtime->snapshot->listeners);
  for (const auto& cluster : runtime->snapshot->clusters) {
    auto& shared = runtime->clusters.emplace_back();
    shared.config = cluster;
    if (cluster->discovery == config::DiscoveryType::original_dst)
      shared.original_dst = std::make_unique<upstream::OriginalDstHosts>(workers);
  }
  return runtime;
}

}  // namespace weir::server
