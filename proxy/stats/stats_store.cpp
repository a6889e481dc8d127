// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/stats_store.hpp"

namespace weir::stats {
namespace {

template <class Block>
AlignedBlock<Block>* find_or_make(BlocksByName<Block>& blocks, std::string_view name,
                                  unsigned count) {
  auto found = blocks.find(name);
  if (found == blocks.end())
    found = blocks.emplace(name, std::make_unique<AlignedBlock<Block>[]>(count)).first;
  return found->second.get();
}

}  // namespace

std::string_view label_of_group(std::string_view group) {
  if (group == "http") return "envoy_http_conn_manager_prefix";
  if (group == "cluster") return "envoy_cluster_name";
  if (group == "listener") return "envoy_listener_address";
  if (group == "tcp") return "envoy_tcp_prefix";
  return "";
}

StatsStore::StatsStore(unsigned workers)
    : workers_(workers),
      counters_(workers + 1),
      gauges_(workers + 1),
      worker_only_(std::make_unique<AlignedBlock<WorkerOnlyStats>[]>(workers)),
      tls_inspectors_(std::make_unique<AlignedBlock<TlsInspectorStats>[]>(workers)),
      end_reasons_(std::make_unique<AlignedBlock<EndReasonStats>[]>(workers)) {
  assert(workers > 0);
}

ListenerStats& StatsStore::listener(std::string_view stats_name, unsigned worker) {
  assert(worker < workers_);
  return find_or_make(listeners_, stats_name, workers_)[worker];
}

LazyClusterStats& StatsStore::cluster(std::string_view stats_name, unsigned worker) {
  assert(worker < workers_);
  auto found = clusters_.find(stats_name);
  if (found == clusters_.end())
    found = clusters_.emplace(stats_name, std::make_unique<LazyClusterStats[]>(workers_)).first;
  return found->second[worker];
}

TcpProxyStats& StatsStore::tcp(std::string_view stat_prefix, unsigned worker) {
  assert(worker < workers_);
  return find_or_make(tcp_, stat_prefix, workers_)[worker];
}

HttpConnectionManagerStats& StatsStore::http(std::string_view stat_prefix, unsigned worker) {
  assert(worker < workers_);
  return find_or_make(http_, stat_prefix, workers_)[worker];
}

ListenerHttpStats& StatsStore::listener_http(std::string_view stats_name,
                                             std::string_view stat_prefix, unsigned worker) {
  assert(worker < workers_);
  auto found = listener_http_.find(stats_name);
  if (found == listener_http_.end())
    found = listener_http_.try_emplace(std::string(stats_name)).first;
  return find_or_make(found->second, stat_prefix, workers_)[worker];
}

LazyBlock<Http1CodecStats>& StatsStore::http1(unsigned worker) {
  assert(worker < workers_);
  return worker_only_[worker].http1;
}

LazyBlock<Http2CodecStats>& StatsStore::http2(unsigned worker) {
  assert(worker < workers_);
  return worker_only_[worker].http2;
}

HttpInspectorStats& StatsStore::http_inspector(unsigned worker) {
  assert(worker < workers_);
  return worker_only_[worker].http_inspector;
}

HealthCheckStats& StatsStore::health_check(std::string_view stats_name, unsigned writer) {
  assert(writer <= workers_);
  return find_or_make(health_checks_, stats_name, workers_ + 1)[writer];
}

OutlierDetectionStats& StatsStore::outlier_detection(std::string_view stats_name, unsigned writer) {
  assert(writer <= workers_);
  return find_or_make(outlier_detections_, stats_name, workers_ + 1)[writer];
}

Counter& StatsStore::counter(const CounterName& name, unsigned writer) {
  assert(writer <= workers_);
  return counters_.find_or_make(name, writer);
}

Gauge& StatsStore::gauge(const CounterName& name, unsigned writer) {
  assert(writer <= workers_);
  return gauges_.find_or_make(name, writer);
}

TlsInspectorStats& StatsStore::tls_inspector(unsigned worker) {
  assert(worker < workers_);
  return tls_inspectors_[worker];
}

EndReasonStats& StatsStore::end_reasons(unsigned worker) {
  assert(worker < workers_);
  return end_reasons_[worker];
}

ClusterHostStats& StatsStore::cluster_hosts(std::string_view stats_name) {
  return *find_or_make(cluster_hosts_, stats_name, 1);
}

}  // namespace weir::stats
