// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/metrics.hpp"

#include <string_view>
#include <utility>

#include "proxy/stats/cluster_metrics.hpp"
#include "proxy/stats/metric_list.hpp"

namespace weir::stats {
namespace {

using namespace std::string_view_literals;

template <class Block>
void add_all(MetricList& list, std::string_view group, std::string_view label,
             const BlocksByName<Block>& blocks, std::size_t count) {
  for (const auto& [name, array] : blocks)
    list.add_block(Scope::of(group, name, label), blocks_of<Block>(array.get(), count));
}

template <class Block>
void add_one(MetricList& list, std::string_view group, const Block& block) {
  list.add_block(Scope::of(group), Blocks<Block>{&block});
}

template <class Block>
void add_http_scope(MetricList& list, const Scope& scope, const Blocks<Block>& blocks) {
  list.add_block(scope, blocks);
  std::vector<const ResponseClasses*> classes;
  for (const Block* block : blocks) classes.push_back(&block->downstream_rq_xx);
  list.add_classes(scope, "downstream_rq", classes);
}

void add_http(MetricList& list, const StatsStore& store) {
  constexpr std::string_view kLabel = "envoy_http_conn_manager_prefix";
  for (const auto& [prefix, blocks] : store.http())
    add_http_scope(list, Scope::of("http", prefix, kLabel),
                   blocks_of<HttpConnectionManagerStats>(blocks.get(), store.workers()));
  for (const auto& [listener, prefixes] : store.listener_http())
    for (const auto& [prefix, blocks] : prefixes)
      add_http_scope(
          list,
          Scope::of("listener", listener, "envoy_listener_address").within("http", prefix, kLabel),
          blocks_of<ListenerHttpStats>(blocks.get(), store.workers()));
}

template <class Block>
void add_codec(MetricList& list, std::string_view group, const StatsStore& store,
               LazyBlock<Block> WorkerOnlyStats::*member) {
  Blocks<Block> blocks;
  for (std::size_t i = 0; i < store.workers(); ++i)
    if (const Block* block = (store.worker_only()[i].*member).peek()) blocks.push_back(block);
  if (!blocks.empty()) list.add_block(Scope::of(group), blocks);
}

void add_inspectors(MetricList& list, const StatsStore& store) {
  list.add_block(Scope::of("tls_inspector"),
                 blocks_of<TlsInspectorStats>(store.tls_inspectors(), store.workers()));
  Blocks<HttpInspectorStats> http;
  for (std::size_t i = 0; i < store.workers(); ++i)
    http.push_back(&store.worker_only()[i].http_inspector);
  list.add_block(Scope::of("http_inspector"), http);
}

template <class Metric>
void add_named(MetricList& list, const NamedMetrics<Metric>& named, MetricKind kind) {
  for (const auto& [key, entry] : named.entries()) {
    decltype(std::declval<Metric>().value()) sum = 0;
    for (std::size_t i = 0; i < named.writers(); ++i) sum += entry.cells[i].metric.value();
    list.add(Scope::of(entry.group, entry.instance, entry.label), entry.field, kind, shown(sum));
  }
}

void add_end_reasons(MetricList& list, const StatsStore& store) {
  Scope scope = Scope::of("weir");
  for (std::size_t i = 0; i < tcp::kEndReasonCount; ++i) {
    std::uint64_t sum = 0;
    for (std::size_t worker = 0; worker < store.workers(); ++worker)
      sum += store.end_reasons()[worker].by_reason[i].value();
    const std::string reason(tcp::describe(static_cast<tcp::EndReason>(i)).name);
    scope.labels = {{"reason", reason}};
    list.add(scope, "connection_end", MetricKind::counter, sum);
    (list.last().name += '.') += reason;
    list.last().base_name += "_total";
  }
}

std::uint64_t active_connections(const StatsStore& store) {
  std::uint64_t sum = 0;
  for (const auto& [name, blocks] : store.listeners())
    sum += sum_of(blocks_of<ListenerStats>(blocks.get(), store.workers()),
                  &ListenerStats::downstream_cx_active);
  return sum;
}

void add_server(MetricList& list, const ServerValues& server, std::uint64_t connections) {
  const std::pair<std::string_view, std::uint64_t> gauges[] = {
      {"concurrency"sv, server.concurrency},
      {"initialization_time_ms"sv, static_cast<std::uint64_t>(server.initialization_time.count())},
      {"live"sv, server.live ? 1 : 0},
      {"memory_allocated"sv, server.memory_allocated},
      {"memory_heap_size"sv, server.memory_heap_size},
      {"memory_physical_size"sv, server.memory_physical_size},
      {"state"sv, server.state},
      {"total_connections"sv, connections},
      {"uptime"sv, static_cast<std::uint64_t>(server.uptime.count())},
      {"version"sv, server.version},
  };
  for (const auto& [name, value] : gauges) {
    list.add(Scope::of("server"), name, MetricKind::gauge, value);
    list.last().used = true;
  }
}

}  // namespace

std::vector<Metric> collect_metrics(const StatsStore& store, const ServerValues& server,
                                    const MetricSelector* wanted) {
  MetricList list(wanted);
  add_all(list, "listener", "envoy_listener_address", store.listeners(), store.workers());
  add_clusters(list, store);
  add_http(list, store);
  add_codec(list, "http1", store, &WorkerOnlyStats::http1);
  add_codec(list, "http2", store, &WorkerOnlyStats::http2);
  add_all(list, "tcp", "envoy_tcp_prefix", store.tcp_proxies(), store.workers());
  add_inspectors(list, store);
  add_named(list, store.counters(), MetricKind::counter);
  add_named(list, store.gauges(), MetricKind::gauge);
  add_end_reasons(list, store);
  add_one(list, "listener_manager", store.listener_manager());
  add_one(list, "cluster_manager", store.cluster_manager());
  add_one(list, "weir.access_log", store.access_log());
  add_server(list, server, active_connections(store));
  return list.take();
}

}  // namespace weir::stats
