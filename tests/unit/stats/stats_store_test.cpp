// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/stats_store.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "proxy/stats/metrics.hpp"

namespace weir::stats {
namespace {

const Metric* find(const std::vector<Metric>& metrics, std::string_view name) {
  const auto found = std::find_if(metrics.begin(), metrics.end(),
                                  [&](const Metric& metric) { return metric.name == name; });
  return found == metrics.end() ? nullptr : &*found;
}

TEST(StatsStore, BlocksStayWhereTheyAre) {
  StatsStore store(2);
  ListenerStats* first = &store.listener("a", 1);
  LazyClusterStats* cluster = &store.cluster("c", 0);
  for (int i = 0; i < 1000; ++i) {
    store.listener("l" + std::to_string(i), 0);
    store.cluster("c" + std::to_string(i), 1);
  }
  EXPECT_EQ(first, &store.listener("a", 1));
  EXPECT_EQ(cluster, &store.cluster("c", 0));
  EXPECT_NE(first, &store.listener("a", 0));
}

TEST(StatsStore, WorkersDoNotShareACacheLine) {
  StatsStore store(3);
  const auto address = [](auto& block) { return reinterpret_cast<std::uintptr_t>(&block); };
  EXPECT_GE(address(store.tls_inspector(1)) - address(store.tls_inspector(0)), kCacheLine);
  EXPECT_EQ(address(store.tcp("p", 2)) % kCacheLine, 0u);
}

TEST(CollectMetrics, SumsOverWorkers) {
  StatsStore store(3);
  store.listener("0.0.0.0_15001", 0).downstream_cx_total.add(5);
  store.listener("0.0.0.0_15001", 2).downstream_cx_total.add(7);
  store.listener("0.0.0.0_15001", 2).downstream_cx_active.set(4);
  store.listener("0.0.0.0_15006", 1).downstream_cx_active.set(2);
  store.end_reasons(1).by_reason[static_cast<std::size_t>(tcp::EndReason::no_cluster)].add(3);
  const auto metrics = collect_metrics(store, {});

  const Metric* total = find(metrics, "listener.0.0.0.0_15001.downstream_cx_total");
  ASSERT_NE(total, nullptr);
  EXPECT_EQ(total->value, 12u);
  EXPECT_EQ(total->base_name, "listener.downstream_cx_total");
  EXPECT_EQ(total->labels, (std::vector<Label>{{"envoy_listener_address", "0.0.0.0_15001"}}));
  EXPECT_EQ(find(metrics, "weir.connection_end.no_cluster")->value, 3u);
  EXPECT_EQ(find(metrics, "server.total_connections")->value, 6u);
}

TEST(CollectMetrics, IsSortedByName) {
  StatsStore store(1);
  store.tcp("x", 0);
  store.cluster("b", 0);
  store.cluster("a", 0);
  store.cluster_hosts("a");
  const auto metrics = collect_metrics(store, {});
  EXPECT_TRUE(std::is_sorted(metrics.begin(), metrics.end(),
                             [](const Metric& x, const Metric& y) { return x.name < y.name; }));
}

TEST(CollectMetrics, NamesOfEnvoyExist) {
  StatsStore store(1);
  store.listener("0.0.0.0_80", 0);
  store.cluster("c", 0);
  store.cluster_hosts("c");
  store.tcp("t", 0);
  const auto metrics = collect_metrics(store, {});
  for (const char* name : {"listener.0.0.0.0_80.no_filter_chain_match",
                           "listener.0.0.0.0_80.downstream_pre_cx_active",
                           "cluster.c.upstream_cx_connect_fail",
                           "cluster.c.membership_total",
                           "cluster.c.membership_healthy",
                           "cluster.c.membership_change",
                           "cluster.c.update_attempt",
                           "cluster.c.update_empty",
                           "cluster.c.max_host_weight",
                           "cluster.c.circuit_breakers.default.cx_open",
                           "tcp.t.downstream_cx_no_route",
                           "tls_inspector.sni_found",
                           "listener_manager.listener_create_success",
                           "listener_manager.total_listeners_active",
                           "listener_manager.workers_started",
                           "cluster_manager.active_clusters",
                           "server.live",
                           "server.state",
                           "server.uptime",
                           "server.version",
                           "server.concurrency",
                           "server.memory_allocated",
                           "server.memory_physical_size",
                           "server.initialization_time_ms",
                           "weir.access_log.lines_dropped"})
    EXPECT_NE(find(metrics, name), nullptr) << name;
  EXPECT_EQ(find(metrics, "cluster.c.connections"), nullptr);
}

TEST(CollectMetrics, ColonsOfAClusterNameBecomeUnderscoresButNotInTheLabel) {
  StatsStore store(1);
  store.cluster("outbound|80||a.b:80", 0);
  const auto metrics = collect_metrics(store, {});
  const Metric* metric = find(metrics, "cluster.outbound|80||a.b_80.upstream_cx_total");
  ASSERT_NE(metric, nullptr);
  EXPECT_EQ(metric->labels.front().value, "outbound|80||a.b:80");
}

TEST(CollectMetrics, CircuitBreakerOpensAtTheLimitSummedOverWorkers) {
  StatsStore store(2);
  store.cluster_hosts("c").limits[kDefaultPriority].connections.set(3);
  store.cluster("c", 0).get().upstream_cx_active.set(1);
  store.cluster("c", 1).get().upstream_cx_active.set(1);
  const std::string name = "cluster.c.circuit_breakers.default.cx_open";
  EXPECT_EQ(find(collect_metrics(store, {}), name)->value, 0u);
  store.cluster("c", 1).get().upstream_cx_active.set(2);
  EXPECT_EQ(find(collect_metrics(store, {}), name)->value, 1u);
}

TEST(CollectMetrics, AGaugeReadInTheMiddleOfAMoveIsNotNegative) {
  StatsStore store(1);
  store.cluster("c", 0).get().upstream_cx_active.set(-1);
  EXPECT_EQ(find(collect_metrics(store, {}), "cluster.c.upstream_cx_active")->value, 0u);
}

TEST(CollectMetrics, UsedIsWhatWasEverWritten) {
  StatsStore store(1);
  store.cluster("idle", 0);
  store.cluster("busy", 0).get().upstream_cx_total.add();
  const auto metrics = collect_metrics(store, {});
  EXPECT_FALSE(find(metrics, "cluster.idle.upstream_cx_active")->used);
  EXPECT_TRUE(find(metrics, "cluster.busy.upstream_cx_active")->used);
  EXPECT_FALSE(find(metrics, "cluster.busy.upstream_cx_connect_fail")->used);
  // Istio's agent asks for it with `usedonly` and needs the line "server.state: 0".
  EXPECT_TRUE(find(metrics, "server.state")->used);
}

}  // namespace
}  // namespace weir::stats
