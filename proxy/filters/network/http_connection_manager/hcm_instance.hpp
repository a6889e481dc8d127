// SPDX-License-Identifier: Apache-2.0
// HcmInstance: an HTTP connection manager on one worker: configuration with clusters, filters, logs
// and statistics resolved.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/network/http_connection_manager/hcm_config.hpp"
#include "proxy/filters/network/http_connection_manager/routes_in_use.hpp"
#include "proxy/http_client/cluster_pool.hpp"

namespace weir::filters {

struct HcmInstance final : NetworkFilterInstance {
  struct Filter {
    const HttpFilterEntry* entry = nullptr;
    std::unique_ptr<HttpFilterInstance> instance;
  };

  void on_connection(tcp::DownstreamConnection&& connection) override;

  /// nullptr: no such cluster.
  [[nodiscard]] http_client::ClusterPool* find_pool(std::string_view cluster) const;

  /// Connections of the listener, which has this filter, end with their next response.
  [[nodiscard]] bool drains(const config::ListenerConfig& listener) const {
    return drain_round != 0 || worker->draining[static_cast<std::size_t>(listener.direction)] ||
           (listener.drains_on_failed_health_check && health_check_failed != nullptr &&
            health_check_failed->load(std::memory_order_relaxed));
  }

  const HcmConfig* config = nullptr;
  WorkerContext* worker = nullptr;
  stats::HttpConnectionManagerStats* stats = nullptr;
  stats::ListenerHttpStats* listener_stats = nullptr;
  stats::LazyBlock<stats::Http1CodecStats>* http1_stats = nullptr;
  stats::LazyBlock<stats::Http2CodecStats>* http2_stats = nullptr;
  ClusterLookup* clusters = nullptr;
  std::vector<Filter> filters;
  std::vector<access_log::OpenedAccessLog> access_logs;
  std::shared_ptr<RouteTableSlot> routes;
  bool filters_by_route = false;  // a filter is off until a route switches it on
  const std::atomic<bool>* health_check_failed = nullptr;  // as InstanceContext has it
};

}  // namespace weir::filters
