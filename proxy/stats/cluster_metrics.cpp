// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/cluster_metrics.hpp"

#include <map>

namespace weir::stats {
namespace {

using RequestBlocks = Blocks<ClusterRequestStats>;
using Codes = std::map<unsigned, std::uint64_t>;

/// What the workers have made of `LazyBlock Outer::*member`.
template <class Inner, class Outer>
Blocks<Inner> existing(const Blocks<Outer>& outer, LazyBlock<Inner> Outer::*member) {
  Blocks<Inner> out;
  for (const Outer* block : outer)
    if (const Inner* inner = (block->*member).peek()) out.push_back(inner);
  return out;
}

std::uint64_t sum_of_priority(const RequestBlocks& blocks,
                              std::array<Gauge, kPriorities> ClusterRequestStats::*member,
                              Priority priority) {
  std::int64_t sum = 0;
  for (const ClusterRequestStats* block : blocks) sum += (block->*member)[priority].value();
  return shown(sum);
}

void add_active(MetricList& list, const Scope& scope, const RequestBlocks& blocks,
                std::string_view field,
                std::array<Gauge, kPriorities> ClusterRequestStats::*member) {
  list.add(scope, field, MetricKind::gauge,
           sum_of_priority(blocks, member, kDefaultPriority) +
               sum_of_priority(blocks, member, kHighPriority));
  list.last().used = !blocks.empty();
}

void count_codes(const RequestBlocks& blocks, ResponseOrigin origin, Codes& codes) {
  for (const ClusterRequestStats* block : blocks)
    block->codes[static_cast<std::size_t>(origin)].for_each(
        [&](unsigned code, std::uint64_t count) { codes[code] += count; });
}

/// upstream_rq_200, upstream_rq_2xx and upstream_rq_completed: those that occurred.
void add_codes(MetricList& list, const Scope& scope, const Codes& codes) {
  std::array<std::uint64_t, 6> classes{};
  std::uint64_t all = 0;
  for (const auto& [code, count] : codes) {
    list.add_code(scope, "upstream_rq", code, count);
    classes[code / 100] += count;
    all += count;
  }
  for (unsigned i = 1; i < classes.size(); ++i)
    if (classes[i] > 0) list.add_class(scope, "upstream_rq", i, classes[i]);
  if (all > 0) list.add(scope, "upstream_rq_completed", MetricKind::counter, all);
}

void add_time(MetricList& list, const Scope& scope, const RequestBlocks& blocks,
              std::initializer_list<ResponseOrigin> origins) {
  std::vector<const Histogram*> parts;
  for (const ClusterRequestStats* block : blocks)
    for (const ResponseOrigin origin : origins)
      parts.push_back(&block->upstream_rq_time[static_cast<std::size_t>(origin)]);
  const auto used = [](const Histogram* part) { return part->used(); };
  if (std::any_of(parts.begin(), parts.end(), used))
    list.add_histogram(scope, "upstream_rq_time", parts);
}

void add_responses(MetricList& list, const Scope& scope, const RequestBlocks& blocks) {
  using enum ResponseOrigin;
  Codes all;
  for (const auto& [origin, group] :
       {std::pair{internal, "internal"}, {external, "external"}, {retry, "retry"}}) {
    Codes codes;
    count_codes(blocks, origin, codes);
    add_codes(list, scope.within(group), codes);
    if (origin == retry) continue;
    for (const auto& [code, count] : codes) all[code] += count;
    add_time(list, scope.within(group), blocks, {origin});
  }
  add_codes(list, scope, all);
  if (all.empty()) list.add(scope, "upstream_rq_completed", MetricKind::counter, 0);
  add_time(list, scope, blocks, {internal, external});
}

void add_requests(MetricList& list, const Scope& scope, const RequestBlocks& blocks) {
  list.add_block(scope, blocks);
  add_active(list, scope, blocks, "upstream_rq_active", &ClusterRequestStats::upstream_rq_active);
  add_active(list, scope, blocks, "upstream_rq_pending_active",
             &ClusterRequestStats::upstream_rq_pending_active);
  add_responses(list, scope, blocks);
}

/// circuit_breakers.<priority>.*: judged here, where the sums over the workers are known.
void add_circuit_breakers(MetricList& list, const Scope& scope, Priority priority,
                          const ClusterHostStats::Limits& limits, std::uint64_t connections,
                          const RequestBlocks& requests) {
  const auto add = [&](std::string_view field, std::uint64_t active, const Gauge& limit) {
    list.add(scope, field, MetricKind::gauge, active >= shown(limit.value()) ? 1 : 0);
  };
  using R = ClusterRequestStats;
  add("cx_open", connections, limits.connections);
  add("rq_open", sum_of_priority(requests, &R::upstream_rq_active, priority), limits.requests);
  add("rq_pending_open", sum_of_priority(requests, &R::upstream_rq_pending_active, priority),
      limits.pending);
  add("rq_retry_open", sum_of_priority(requests, &R::retries_active, priority), limits.retries);
  list.add(scope, "cx_pool_open", MetricKind::gauge,
           sum_of_priority(requests, &R::pools_full, priority) > 0 ? 1 : 0);
}

void add_limits(MetricList& list, const Scope& scope, const ClusterHostStats& hosts,
                const Blocks<ClusterStats>& blocks) {
  const auto requests = existing(blocks, &ClusterStats::requests);
  const std::uint64_t all = sum_of(blocks, &ClusterStats::upstream_cx_active);
  const std::uint64_t high =
      sum_of_priority(requests, &ClusterRequestStats::connections, kHighPriority);
  add_circuit_breakers(list, scope.within("circuit_breakers.default"), kDefaultPriority,
                       hosts.limits[kDefaultPriority], all - std::min(all, high), requests);
  add_circuit_breakers(list, scope.within("circuit_breakers.high"), kHighPriority,
                       hosts.limits[kHighPriority], high, requests);
}

template <class Block>
void add_shown_once_used(MetricList& list, const Scope& scope, const Blocks<Block>& blocks) {
  if (!blocks.empty()) list.add_block(scope, blocks);
}

/// Of the workers that have used the cluster.
Blocks<ClusterStats> existing(const LazyClusterStats* blocks, std::size_t workers) {
  Blocks<ClusterStats> out;
  for (std::size_t i = 0; i < workers; ++i)
    if (const ClusterStats* block = blocks[i].peek()) out.push_back(block);
  return out;
}

Scope cluster_scope(std::string_view name) {
  return Scope::of("cluster", name, "envoy_cluster_name");
}

}  // namespace

void add_clusters(MetricList& list, const StatsStore& store) {
  const std::size_t workers = store.workers();
  for (const auto& [name, array] : store.clusters()) {
    const Scope scope = cluster_scope(name);
    if (!list.wants(scope)) continue;
    const auto blocks = existing(array.get(), workers);
    list.add_block(scope, blocks);
    add_requests(list, scope, existing(blocks, &ClusterStats::requests));
    add_shown_once_used(list, scope.within("http1"), existing(blocks, &ClusterStats::http1));
    add_shown_once_used(list, scope.within("http2"), existing(blocks, &ClusterStats::http2));
  }
  for (const auto& [name, hosts] : store.cluster_hosts()) {
    const Scope scope = cluster_scope(name);
    if (!list.wants(scope)) continue;
    list.add_block(scope, blocks_of<ClusterHostStats>(hosts.get(), 1));
    const auto found = store.clusters().find(name);
    const bool exists = found != store.clusters().end();
    add_limits(list, scope, hosts[0],
               existing(exists ? found->second.get() : nullptr, exists ? workers : 0));
  }
  for (const auto& [name, blocks] : store.health_checks())
    list.add_block(cluster_scope(name).within("health_check"),
                   blocks_of<HealthCheckStats>(blocks.get(), workers + 1));
  for (const auto& [name, blocks] : store.outlier_detections())
    list.add_block(cluster_scope(name).within("outlier_detection"),
                   blocks_of<OutlierDetectionStats>(blocks.get(), workers + 1));
}

}  // namespace weir::stats
