// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/metrics.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>

namespace weir::stats {
namespace {

using namespace std::string_view_literals;

/// Where a block's metrics hang: "listener" + "0.0.0.0_15001" + a label for the latter.
struct Scope {
  std::string_view group;
  std::string_view instance;  // "" = none
  std::string_view label;
};

/// ':' separates nothing in Envoy's names: it is written as '_'.
std::string name_part(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), ':', '_');
  return out;
}

Metric make_metric(const Scope& scope, std::string_view field, MetricKind kind,
                   std::uint64_t value) {
  Metric metric;
  metric.base_name = std::string(scope.group) + "." + std::string(field);
  if (scope.instance.empty()) {
    metric.name = metric.base_name;
  } else {
    metric.name =
        std::string(scope.group) + "." + name_part(scope.instance) + "." + std::string(field);
    metric.labels.push_back({std::string(scope.label), std::string(scope.instance)});
  }
  metric.kind = kind;
  metric.value = value;
  metric.used = value != 0;
  return metric;
}

template <class Block>
MetricKind kind_of(Counter Block::*) {
  return MetricKind::counter;
}
template <class Block>
MetricKind kind_of(Gauge Block::*) {
  return MetricKind::gauge;
}

/// A gauge is never negative to a reader: a worker may be read between its two halves of a move.
std::uint64_t clamp(std::int64_t sum) { return sum < 0 ? 0 : static_cast<std::uint64_t>(sum); }
std::uint64_t clamp(std::uint64_t sum) { return sum; }

template <class Block, class Blocks, class Member>
std::uint64_t sum_of(const Blocks& blocks, Member Block::*member) {
  decltype((blocks[0].*member).value()) sum = 0;
  for (const auto& block : blocks) sum += (block.*member).value();
  return clamp(sum);
}

/// Sums each field over the blocks. A gauge counts as used when anything in its block does.
template <class Block, class Blocks>
void append_block(std::vector<Metric>& out, const Scope& scope, const Blocks& blocks) {
  const std::size_t first = out.size();
  std::apply(
      [&](const auto&... field) {
        (out.push_back(make_metric(scope, field.name, kind_of(field.member),
                                   sum_of<Block>(blocks, field.member))),
         ...);
      },
      Block::fields());
  const auto added = std::span(out).subspan(first);
  if (!std::any_of(added.begin(), added.end(), [](const Metric& m) { return m.used; })) return;
  for (Metric& metric : added)
    if (metric.kind == MetricKind::gauge) metric.used = true;
}

template <class Block>
void append_all(std::vector<Metric>& out, std::string_view group, std::string_view label,
                const BlocksByName<Block>& blocks, std::size_t count) {
  for (const auto& [name, array] : blocks)
    append_block<Block>(out, Scope{group, name, label}, std::span(array.get(), count));
}

template <class Block>
void append_one(std::vector<Metric>& out, std::string_view group, const Block& block) {
  append_block<Block>(out, Scope{group, "", ""}, std::span(&block, 1));
}

/// cluster.<name>.circuit_breakers.default.cx_open: judged here, where the sum over the workers is
/// known.
void append_circuit_breakers(std::vector<Metric>& out, const StatsStore& store) {
  for (const auto& [name, hosts] : store.cluster_hosts()) {
    const std::uint64_t limit = clamp(hosts[0].max_connections.value());
    std::uint64_t active = 0;
    if (const auto blocks = store.clusters().find(name); blocks != store.clusters().end())
      active = sum_of<ClusterStats>(std::span(blocks->second.get(), store.workers()),
                                    &ClusterStats::upstream_cx_active);
    out.push_back(make_metric(Scope{"cluster", name, "envoy_cluster_name"},
                              "circuit_breakers.default.cx_open", MetricKind::gauge,
                              active >= limit ? 1 : 0));
  }
}

void append_end_reasons(std::vector<Metric>& out, const StatsStore& store) {
  const std::span blocks(store.end_reasons(), store.workers());
  for (std::size_t i = 0; i < tcp::kEndReasonCount; ++i) {
    std::uint64_t sum = 0;
    for (const auto& block : blocks) sum += block.by_reason[i].value();
    const std::string_view reason = tcp::describe(static_cast<tcp::EndReason>(i)).name;
    out.push_back(Metric{"weir.connection_end." + std::string(reason),
                         "weir.connection_end_total",
                         {Label{"reason", std::string(reason)}},
                         MetricKind::counter,
                         sum,
                         sum != 0});
  }
}

void append_server(std::vector<Metric>& out, const ServerValues& server,
                   std::uint64_t connections) {
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
    out.push_back(make_metric(Scope{"server", "", ""}, name, MetricKind::gauge, value));
    out.back().used = true;
  }
}

std::uint64_t active_connections(const StatsStore& store) {
  std::uint64_t sum = 0;
  for (const auto& [name, blocks] : store.listeners())
    sum += sum_of<ListenerStats>(std::span(blocks.get(), store.workers()),
                                 &ListenerStats::downstream_cx_active);
  return sum;
}

}  // namespace

std::vector<Metric> collect_metrics(const StatsStore& store, const ServerValues& server) {
  std::vector<Metric> out;
  const std::size_t workers = store.workers();
  append_all(out, "listener", "envoy_listener_address", store.listeners(), workers);
  append_all(out, "cluster", "envoy_cluster_name", store.clusters(), workers);
  append_all(out, "cluster", "envoy_cluster_name", store.cluster_hosts(), 1);
  append_circuit_breakers(out, store);
  append_all(out, "tcp", "envoy_tcp_prefix", store.tcp_proxies(), workers);
  append_block<TlsInspectorStats>(out, Scope{"tls_inspector", "", ""},
                                  std::span(store.tls_inspectors(), workers));
  append_end_reasons(out, store);
  append_one(out, "listener_manager", store.listener_manager());
  append_one(out, "cluster_manager", store.cluster_manager());
  append_one(out, "weir.access_log", store.access_log());
  append_server(out, server, active_connections(store));
  std::sort(out.begin(), out.end(),
            [](const Metric& a, const Metric& b) { return a.name < b.name; });
  return out;
}

}  // namespace weir::stats
