// SPDX-License-Identifier: Apache-2.0
// Statistics of HTTP: their names, their labels, and when they are shown.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "proxy/stats/render.hpp"

namespace weir::stats {
namespace {

class HttpStats : public testing::Test {
 protected:
  /// "value", "-" when there is no such metric.
  std::string value(std::string_view name) const {
    for (const Metric& metric : collect_metrics(store, {}))
      if (metric.name == name) return std::to_string(metric.value);
    return "-";
  }
  bool prometheus_has(const std::string& line) const {
    return render_prometheus(collect_metrics(store, {})).find("\n" + line + "\n") !=
           std::string::npos;
  }

  StatsStore store{2};
};

TEST_F(HttpStats, ConnectionManager) {
  store.http("ingress", 0).downstream_rq_total.add(2);
  store.http("ingress", 1).downstream_rq_total.add();
  store.http("ingress", 1).downstream_rq_xx.add(204);
  store.http("ingress", 1).downstream_rq_xx.add(600);
  EXPECT_EQ(value("http.ingress.downstream_rq_total"), "3");
  EXPECT_EQ(value("http.ingress.downstream_rq_2xx"), "1");
  EXPECT_EQ(value("http.ingress.downstream_rq_5xx"), "0");
  EXPECT_TRUE(prometheus_has(
      R"(envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="ingress"} 3)"));
  EXPECT_TRUE(
      prometheus_has("envoy_http_downstream_rq_xx{envoy_response_code_class=\"2\","
                     "envoy_http_conn_manager_prefix=\"ingress\"} 1"));
}

TEST_F(HttpStats, OfAListener) {
  store.listener_http("0.0.0.0_80", "ingress", 0).downstream_rq_completed.add();
  store.listener_http("0.0.0.0_80", "ingress", 0).downstream_rq_xx.add(503);
  EXPECT_EQ(value("listener.0.0.0.0_80.http.ingress.downstream_rq_completed"), "1");
  EXPECT_TRUE(
      prometheus_has("envoy_listener_http_downstream_rq_xx{envoy_response_code_class=\"5\","
                     "envoy_http_conn_manager_prefix=\"ingress\","
                     "envoy_listener_address=\"0.0.0.0_80\"} 1"));
}

TEST_F(HttpStats, CodecsAreShownOnceUsed) {
  store.cluster("c", 0);
  EXPECT_EQ(value("http1.response_flood"), "-");
  EXPECT_EQ(value("cluster.c.http2.streams_active"), "-");
  store.http1(1).get();
  store.cluster("c", 0).get().http2.get().streams_active.add(4);
  EXPECT_EQ(value("http1.response_flood"), "0");
  EXPECT_EQ(value("http2.goaway_sent"), "-");
  EXPECT_EQ(value("cluster.c.http2.streams_active"), "4");
  EXPECT_TRUE(prometheus_has("envoy_http1_response_flood{} 0"));
  EXPECT_TRUE(prometheus_has(R"(envoy_cluster_http2_streams_active{envoy_cluster_name="c"} 4)"));
}

TEST_F(HttpStats, RequestsOfAClusterAreShownBeforeTheFirst) {
  store.cluster("c", 0);
  EXPECT_EQ(value("cluster.c.upstream_rq_total"), "0");
  EXPECT_EQ(value("cluster.c.upstream_rq_active"), "0");
  EXPECT_EQ(value("cluster.c.upstream_rq_completed"), "0");
  EXPECT_EQ(value("cluster.c.upstream_rq_200"), "-");
  auto& requests = store.cluster("c", 1).get().requests.get();
  EXPECT_EQ(&requests, &store.cluster("c", 1).get().requests.get());
  requests.upstream_rq_total.add(5);
  requests.upstream_rq_active[kDefaultPriority].add(2);
  requests.upstream_rq_active[kHighPriority].add(1);
  EXPECT_EQ(value("cluster.c.upstream_rq_total"), "5");
  EXPECT_EQ(value("cluster.c.upstream_rq_active"), "3");
}

TEST_F(HttpStats, ResponsesByStatusClassAndOrigin) {
  auto& first = store.cluster("c", 0).get().requests.get();
  auto& second = store.cluster("c", 1).get().requests.get();
  first.count_response(ResponseOrigin::internal, 200);
  first.count_response(ResponseOrigin::external, 200);
  second.count_response(ResponseOrigin::external, 503);
  second.count_response(ResponseOrigin::retry, 502);
  EXPECT_EQ(value("cluster.c.upstream_rq_200"), "2");
  EXPECT_EQ(value("cluster.c.upstream_rq_2xx"), "2");
  EXPECT_EQ(value("cluster.c.upstream_rq_5xx"), "1");
  EXPECT_EQ(value("cluster.c.upstream_rq_4xx"), "-");
  EXPECT_EQ(value("cluster.c.upstream_rq_completed"), "3");
  EXPECT_EQ(value("cluster.c.internal.upstream_rq_200"), "1");
  EXPECT_EQ(value("cluster.c.internal.upstream_rq_completed"), "1");
  EXPECT_EQ(value("cluster.c.internal.upstream_rq_5xx"), "-");
  EXPECT_EQ(value("cluster.c.external.upstream_rq_completed"), "2");
  EXPECT_EQ(value("cluster.c.retry.upstream_rq_502"), "1");
  EXPECT_EQ(value("cluster.c.upstream_rq_502"), "-");
  EXPECT_TRUE(prometheus_has(
      R"(envoy_cluster_upstream_rq{envoy_response_code="200",envoy_cluster_name="c"} 2)"));
  EXPECT_TRUE(
      prometheus_has("envoy_cluster_external_upstream_rq_xx{envoy_response_code_class=\"5\""
                     ",envoy_cluster_name=\"c\"} 1"));
}

TEST_F(HttpStats, TimeIsTheSumOfItsOrigins) {
  store.cluster("c", 0).get().requests.get().record_time(ResponseOrigin::internal, 3);
  store.cluster("c", 1).get().requests.get().record_time(ResponseOrigin::external, 30);
  std::string text = render_text(collect_metrics(store, {}));
  EXPECT_NE(text.find("\ncluster.c.upstream_rq_time: P0(nan,3.05) P25(nan,3.05) P50(nan,3.05) "
                      "P75(nan,30.5) P90(nan,30.5) P95(nan,30.5) P99(nan,30.5) P99.5(nan,30.5) "
                      "P99.9(nan,30.5) P100(nan,30.5)\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\ncluster.c.internal.upstream_rq_time: P0(nan,3.05) "), std::string::npos);
  EXPECT_NE(text.find("\ncluster.c.upstream_cx_connect_ms: No recorded values\n"),
            std::string::npos);
  EXPECT_EQ(value("cluster.d.upstream_rq_time"), "-");
  EXPECT_TRUE(
      prometheus_has(R"(envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="c",le="10"} 1)"));
  EXPECT_TRUE(prometheus_has(
      R"(envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="c",le="+Inf"} 2)"));
  EXPECT_TRUE(prometheus_has(R"(envoy_cluster_upstream_rq_time_count{envoy_cluster_name="c"} 2)"));
  EXPECT_TRUE(
      prometheus_has(R"(envoy_cluster_upstream_cx_connect_ms_sum{envoy_cluster_name="c"} 0)"));
}

TEST_F(HttpStats, CircuitBreakers) {
  auto& hosts = store.cluster_hosts("c");
  for (auto& limits : hosts.limits) {
    limits.connections.set(4);
    limits.pending.set(3);
    limits.requests.set(2);
    limits.retries.set(1);
  }
  auto& requests = store.cluster("c", 1).get().requests.get();
  EXPECT_EQ(value("cluster.c.circuit_breakers.default.rq_open"), "0");
  requests.upstream_rq_active[kDefaultPriority].set(2);
  requests.upstream_rq_pending_active[kHighPriority].set(3);
  requests.retries_active[kDefaultPriority].set(1);
  requests.pools_full[kHighPriority].set(1);
  requests.connections[kHighPriority].set(4);
  store.cluster("c", 0).get().upstream_cx_active.set(7);
  const auto open = [&](const std::string& priority) {
    std::string out;
    for (const char* name :
         {"cx_open", "cx_pool_open", "rq_open", "rq_pending_open", "rq_retry_open"})
      out += value("cluster.c.circuit_breakers." + priority + "." + name);
    return out;
  };
  EXPECT_EQ(open("default"), "00101");
  EXPECT_EQ(open("high"), "11010");
}

TEST_F(HttpStats, HealthAndOutliersAreShownForClustersThatHaveThem) {
  store.cluster("c", 0);
  EXPECT_EQ(value("cluster.c.health_check.attempt"), "-");
  store.health_check("c", 2).attempt.add();  // the main thread
  store.outlier_detection("c", 0).ejections_enforced_total.add();
  store.outlier_detection("c", 2).ejections_enforced_total.add();
  EXPECT_EQ(value("cluster.c.health_check.attempt"), "1");
  EXPECT_EQ(value("cluster.c.health_check.network_failure"), "0");
  EXPECT_EQ(value("cluster.c.outlier_detection.ejections_enforced_total"), "2");
}

TEST_F(HttpStats, NamedCounters) {
  Counter& aborts = store.counter("http", "in:1", "fault.aborts_injected", 0);
  EXPECT_EQ(&aborts, &store.counter("http", "in:1", "fault.aborts_injected", 0));
  aborts.add(2);
  store.counter("http", "in:1", "fault.aborts_injected", 2).add();
  store.gauge({"http", "in:1", "fault.active_faults"}, 1).add(4);
  store.counter({"", "limiter", "http_local_rate_limit.ok", "envoy_local_http_ratelimit_prefix"}, 1)
      .add();
  store.counter("lua", "", "errors", 1).add();
  EXPECT_EQ(value("http.in_1.fault.aborts_injected"), "3");
  EXPECT_EQ(value("limiter.http_local_rate_limit.ok"), "1");
  EXPECT_EQ(value("lua.errors"), "1");
  EXPECT_TRUE(prometheus_has(
      R"(envoy_http_fault_aborts_injected{envoy_http_conn_manager_prefix="in:1"} 3)"));
  EXPECT_TRUE(
      prometheus_has(R"(envoy_http_fault_active_faults{envoy_http_conn_manager_prefix="in:1"} 4)"));
  EXPECT_TRUE(prometheus_has(
      R"(envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="limiter"} 1)"));
}

TEST_F(HttpStats, HttpInspectorAsTheTutorialPrintsIt) {
  store.http_inspector(0).http11_found.add();
  store.http_inspector(1).http11_found.add(2);
  EXPECT_TRUE(prometheus_has("envoy_http_inspector_http11_found{} 3"));
}

TEST_F(HttpStats, JsonOfHistograms) {
  store.http("p", 0).downstream_rq_time.record(5);
  auto metrics = collect_metrics(store, {});
  std::erase_if(metrics, [](const Metric& m) { return m.name != "http.p.downstream_rq_time"; });
  std::string json = render_json(metrics);
  json.erase(std::remove_if(json.begin(), json.end(), [](char c) { return c == ' ' || c == '\n'; }),
             json.end());
  const std::string value = R"({"cumulative":5.05,"interval":null})";
  std::string values = value;
  for (int i = 1; i < 10; ++i) values += "," + value;
  EXPECT_EQ(json,
            R"({"stats":[{"histograms":{"supported_quantiles":[0,25,50,75,90,95,99,99.5,99.9,)"
            R"(100],"computed_quantiles":[{"name":"http.p.downstream_rq_time","values":[)" +
                values + "]}]}}]}");
}

TEST_F(HttpStats, ReadWhileTheWorkerWrites) {
  auto& cluster = store.cluster("c", 1).get();
  auto& codec = store.http2(1);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    for (unsigned i = 0; !stop; ++i) {
      auto& requests = cluster.requests.get();
      requests.count_response(ResponseOrigin::external, 100 + i % 500);
      requests.record_time(ResponseOrigin::external, i * 37);
      cluster.upstream_cx_connect_ms.record(i);
      codec.get().streams_active.add();
    }
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  std::uint64_t last = 0;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto metrics = collect_metrics(store, {});
    const auto all = std::find_if(metrics.begin(), metrics.end(), [](const Metric& m) {
      return m.name == "cluster.c.upstream_rq_completed";
    });
    ASSERT_NE(all, metrics.end());
    EXPECT_GE(all->value, last);
    last = all->value;
  }
  stop = true;
  worker.join();
  EXPECT_GT(last, 0u);
}

// A block whose fields() forgets a member would hide it.
template <class Block>
constexpr bool shows_every_counter = sizeof(Block) ==
                                     8 * std::tuple_size_v<decltype(Block::fields())>;
static_assert(shows_every_counter<ListenerStats>);
static_assert(shows_every_counter<TcpProxyStats>);
static_assert(shows_every_counter<HttpInspectorStats>);
static_assert(shows_every_counter<Http1CodecStats>);
static_assert(shows_every_counter<Http2CodecStats>);
static_assert(shows_every_counter<HealthCheckStats>);
static_assert(shows_every_counter<OutlierDetectionStats>);
static_assert(sizeof(HttpConnectionManagerStats) - sizeof(ResponseClasses) ==
              8 * std::tuple_size_v<decltype(HttpConnectionManagerStats::fields())>);
static_assert(sizeof(ClusterStats) - 3 * sizeof(void*) ==
              8 * std::tuple_size_v<decltype(ClusterStats::fields())>);

}  // namespace
}  // namespace weir::stats
