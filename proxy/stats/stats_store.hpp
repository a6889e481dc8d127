// SPDX-License-Identifier: Apache-2.0
// StatsStore: owns every block of statistics, one per scope and worker.
#pragma once

#include <cassert>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/stats/blocks.hpp"
#include "proxy/stats/main_blocks.hpp"
#include "proxy/stats/named_counters.hpp"

namespace weir::stats {

/// The blocks of one kind: one scope has one block per worker.
template <class Block>
using BlocksByName = std::map<std::string, std::unique_ptr<AlignedBlock<Block>[]>, std::less<>>;

/// The same of clusters: of many, few are ever used.
using ClusterBlocksByName = std::map<std::string, std::unique_ptr<LazyClusterStats[]>, std::less<>>;

/// Blocks of a worker that have no scope and came with HTTP.
struct WorkerOnlyStats {
  LazyBlock<Http1CodecStats> http1;
  LazyBlock<Http2CodecStats> http2;
  HttpInspectorStats http_inspector;
};

/// Blocks are made on first use and live as long as the store, at the same address, so that a
/// worker may keep the reference. All members are called on the main thread only; a block is
/// written by its one owner (counter.hpp). `stats_name` is ListenerConfig::stats_name(),
/// ClusterConfig::stats_name(); `stat_prefix` that of tcp_proxy or http_connection_manager. A
/// `writer` is the number of a worker, or workers() for the main thread.
class StatsStore {
 public:
  explicit StatsStore(unsigned workers);
  StatsStore(const StatsStore&) = delete;
  StatsStore& operator=(const StatsStore&) = delete;

  [[nodiscard]] unsigned workers() const noexcept { return workers_; }

  // Written by worker `worker` < workers().
  ListenerStats& listener(std::string_view stats_name, unsigned worker);
  LazyClusterStats& cluster(std::string_view stats_name, unsigned worker);
  TcpProxyStats& tcp(std::string_view stat_prefix, unsigned worker);
  HttpConnectionManagerStats& http(std::string_view stat_prefix, unsigned worker);
  ListenerHttpStats& listener_http(std::string_view stats_name, std::string_view stat_prefix,
                                   unsigned worker);
  /// Of clients' connections; those of clusters are in ClusterStats. get() on the first connection
  /// of the kind shows them.
  LazyBlock<Http1CodecStats>& http1(unsigned worker);
  LazyBlock<Http2CodecStats>& http2(unsigned worker);
  TlsInspectorStats& tls_inspector(unsigned worker);
  HttpInspectorStats& http_inspector(unsigned worker);
  EndReasonStats& end_reasons(unsigned worker);

  // Written by whoever does it.
  HealthCheckStats& health_check(std::string_view stats_name, unsigned writer);
  OutlierDetectionStats& outlier_detection(std::string_view stats_name, unsigned writer);
  /// A filter's own: see CounterName. Resolve them once, when a worker installs a configuration.
  Counter& counter(const CounterName& name, unsigned writer);
  Counter& counter(std::string_view group, std::string_view instance, std::string_view field,
                   unsigned writer) {
    return counter(CounterName{group, instance, field}, writer);
  }
  Gauge& gauge(const CounterName& name, unsigned writer);

  // Written by the main thread.
  ClusterHostStats& cluster_hosts(std::string_view stats_name);
  ListenerManagerStats& listener_manager() noexcept { return listener_manager_; }
  ClusterManagerStats& cluster_manager() noexcept { return cluster_manager_; }
  AccessLogStats& access_log() noexcept { return access_log_; }

  // For rendering: everything that exists, sorted by name.
  [[nodiscard]] const BlocksByName<ListenerStats>& listeners() const noexcept { return listeners_; }
  [[nodiscard]] const ClusterBlocksByName& clusters() const noexcept { return clusters_; }
  [[nodiscard]] const BlocksByName<TcpProxyStats>& tcp_proxies() const noexcept { return tcp_; }
  [[nodiscard]] const BlocksByName<ClusterHostStats>& cluster_hosts() const noexcept {
    return cluster_hosts_;
  }
  [[nodiscard]] const BlocksByName<HttpConnectionManagerStats>& http() const noexcept {
    return http_;
  }
  /// By listener, then by prefix.
  using ListenerHttpBlocks = std::map<std::string, BlocksByName<ListenerHttpStats>, std::less<>>;
  [[nodiscard]] const ListenerHttpBlocks& listener_http() const noexcept { return listener_http_; }
  /// Those of the health checks and of outlier detection have workers() + 1 blocks.
  [[nodiscard]] const BlocksByName<HealthCheckStats>& health_checks() const noexcept {
    return health_checks_;
  }
  [[nodiscard]] const BlocksByName<OutlierDetectionStats>& outlier_detections() const noexcept {
    return outlier_detections_;
  }
  [[nodiscard]] const NamedMetrics<Counter>& counters() const noexcept { return counters_; }
  [[nodiscard]] const NamedMetrics<Gauge>& gauges() const noexcept { return gauges_; }
  [[nodiscard]] const AlignedBlock<WorkerOnlyStats>* worker_only() const noexcept {
    return worker_only_.get();
  }
  [[nodiscard]] const AlignedBlock<TlsInspectorStats>* tls_inspectors() const noexcept {
    return tls_inspectors_.get();
  }
  [[nodiscard]] const AlignedBlock<EndReasonStats>* end_reasons() const noexcept {
    return end_reasons_.get();
  }
  [[nodiscard]] const ListenerManagerStats& listener_manager() const noexcept {
    return listener_manager_;
  }
  [[nodiscard]] const ClusterManagerStats& cluster_manager() const noexcept {
    return cluster_manager_;
  }
  [[nodiscard]] const AccessLogStats& access_log() const noexcept { return access_log_; }

 private:
  unsigned workers_;
  BlocksByName<ListenerStats> listeners_;
  ClusterBlocksByName clusters_;
  BlocksByName<TcpProxyStats> tcp_;
  BlocksByName<HttpConnectionManagerStats> http_;
  ListenerHttpBlocks listener_http_;
  BlocksByName<ClusterHostStats> cluster_hosts_;
  BlocksByName<HealthCheckStats> health_checks_;
  BlocksByName<OutlierDetectionStats> outlier_detections_;
  NamedMetrics<Counter> counters_;
  NamedMetrics<Gauge> gauges_;
  std::unique_ptr<AlignedBlock<WorkerOnlyStats>[]> worker_only_;
  std::unique_ptr<AlignedBlock<TlsInspectorStats>[]> tls_inspectors_;
  std::unique_ptr<AlignedBlock<EndReasonStats>[]> end_reasons_;
  ListenerManagerStats listener_manager_;
  ClusterManagerStats cluster_manager_;
  AccessLogStats access_log_;
};

}  // namespace weir::stats
