// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "proxy/stats/name_prefixes.hpp"
#include "proxy/stats/render.hpp"
#include "proxy/stats/select.hpp"

namespace weir::stats {
namespace {

std::vector<Metric> sample() {
  return {
      {"cluster.a.upstream_cx_active",
       "cluster.upstream_cx_active",
       {{"envoy_cluster_name", "a"}},
       MetricKind::gauge,
       1,
       true},
      {"cluster.a.upstream_cx_total",
       "cluster.upstream_cx_total",
       {{"envoy_cluster_name", "a"}},
       MetricKind::counter,
       9,
       true},
      {"cluster.b.upstream_cx_total",
       "cluster.upstream_cx_total",
       {{"envoy_cluster_name", "b\"\\\n"}},
       MetricKind::counter,
       0,
       false},
      {"server.state", "server.state", {}, MetricKind::gauge, 0, true},
      {"tls_inspector.tls_found", "tls_inspector.tls_found", {}, MetricKind::counter, 2, true},
      {"weir.connection_end.idle_timeout",
       "weir.connection_end_total",
       {{"reason", "idle_timeout"}},
       MetricKind::counter,
       4,
       true},
  };
}

Result<std::vector<Metric>> select_metrics(std::vector<Metric> metrics, const MetricQuery& query) {
  const auto wanted = MetricSelector::make(query);
  if (!wanted) return wanted.error();
  std::erase_if(metrics, [&](const Metric& metric) { return !wanted->wants(metric); });
  return metrics;
}

std::vector<std::string> names(const std::vector<Metric>& metrics) {
  std::vector<std::string> out;
  for (const Metric& metric : metrics) out.push_back(metric.name);
  return out;
}

TEST(RenderText, OneLineEach) {
  EXPECT_EQ(render_text(sample()),
            "cluster.a.upstream_cx_active: 1\n"
            "cluster.a.upstream_cx_total: 9\n"
            "cluster.b.upstream_cx_total: 0\n"
            "server.state: 0\n"
            "tls_inspector.tls_found: 2\n"
            "weir.connection_end.idle_timeout: 4\n");
}

TEST(RenderJson, NameAndValue) {
  const auto metrics = sample();
  EXPECT_EQ(render_json(std::span(metrics).subspan(3, 1)), R"({
 "stats": [
  {
   "name": "server.state",
   "value": 0
  }
 ]
}
)");
}

TEST(RenderPrometheus, CountersThenGaugesWithEscapedLabels) {
  EXPECT_EQ(render_prometheus(sample()),
            "# TYPE envoy_cluster_upstream_cx_total counter\n"
            "envoy_cluster_upstream_cx_total{envoy_cluster_name=\"a\"} 9\n"
            "envoy_cluster_upstream_cx_total{envoy_cluster_name=\"b\\\"\\\\\\n\"} 0\n"
            "# TYPE envoy_tls_inspector_tls_found counter\n"
            "envoy_tls_inspector_tls_found{} 2\n"
            "# TYPE weir_connection_end_total counter\n"
            "weir_connection_end_total{reason=\"idle_timeout\"} 4\n"
            "# TYPE envoy_cluster_upstream_cx_active gauge\n"
            "envoy_cluster_upstream_cx_active{envoy_cluster_name=\"a\"} 1\n"
            "# TYPE envoy_server_state gauge\n"
            "envoy_server_state{} 0\n");
}

TEST(RenderPrometheus, NamesOfACollectedStore) {
  StatsStore store(1);
  store.listener("0.0.0.0_15001", 0).downstream_cx_total.add(3);
  store.tcp("BlackHole", 0).downstream_cx_total.add(2);
  const std::string text = render_prometheus(collect_metrics(store, {}));
  EXPECT_NE(
      text.find(
          "\nenvoy_listener_downstream_cx_total{envoy_listener_address=\"0.0.0.0_15001\"} 3\n"),
      std::string::npos);
  EXPECT_NE(text.find("\nenvoy_tcp_downstream_cx_total{envoy_tcp_prefix=\"BlackHole\"} 2\n"),
            std::string::npos);
  EXPECT_NE(text.find("\nweir_access_log_lines_written{} 0\n"), std::string::npos);
}

TEST(SelectMetrics, UsedOnly) {
  const auto kept = select_metrics(sample(), {.used_only = true});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->size(), 5u);
}

TEST(SelectMetrics, FilterIsFoundAnywhere) {
  const auto kept = select_metrics(sample(), {.filter = "upstream_cx_total$|^server\\.state"});
  ASSERT_TRUE(kept);
  EXPECT_EQ(names(*kept),
            (std::vector<std::string>{"cluster.a.upstream_cx_total", "cluster.b.upstream_cx_total",
                                      "server.state"}));
}

TEST(SelectMetrics, ByKind) {
  MetricQuery query;
  ASSERT_TRUE(apply_type("Gauges", query));
  EXPECT_EQ(names(*select_metrics(sample(), query)),
            (std::vector<std::string>{"cluster.a.upstream_cx_active", "server.state"}));
  query = {};
  ASSERT_TRUE(apply_type("Histograms", query));
  EXPECT_TRUE(select_metrics(sample(), query)->empty());
  auto with_histogram = sample();
  with_histogram.push_back({"h", "h", {}, MetricKind::histogram});
  EXPECT_EQ(names(*select_metrics(with_histogram, query)), std::vector<std::string>{"h"});
  EXPECT_EQ(apply_type("Foo", query).error().message,
            "type 'Foo': expected All, Counters, Gauges, Histograms or TextReadouts");
}

TEST(SelectMetrics, WhatAnAnchoredFilterCannotMatchIsSpared) {
  const auto may = [](const char* filter, const char* prefix) {
    return MetricSelector::make({.filter = filter})->may_want_below(prefix);
  };
  constexpr const char* kIstio = "^(server\\.state|listener_manager\\.workers_started)";
  EXPECT_FALSE(may(kIstio, "cluster.a."));
  EXPECT_TRUE(may(kIstio, "server."));
  EXPECT_TRUE(may(kIstio, "listener_manager."));
  EXPECT_FALSE(may(kIstio, "listener.x."));
  EXPECT_FALSE(may("^cluster\\.b", "cluster.a."));
  EXPECT_TRUE(may("^cluster\\.b", "cluster.b."));
  EXPECT_TRUE(may("^cluster\\.b", "cluster."));
  EXPECT_TRUE(may("^cluster\\.b\\.x$", ""));
  EXPECT_FALSE(may("^tcp", "cluster.a."));
  EXPECT_TRUE(may("state|^x", "cluster.a."));
  EXPECT_TRUE(may("^x|state", "cluster.a."));
  EXPECT_TRUE(may("state", "cluster.a."));
  EXPECT_TRUE(may("", "cluster.a."));
}

TEST(SelectMetrics, PrefixesOfMatches) {
  const std::pair<const char*, std::vector<std::string>> cases[] = {
      {"^(a\\.b|c)d", {"a.b", "c"}},
      {"^(a|b)\\.(c|d)$", {"a", "b"}},
      {"^http\\.p\\.(lua|downstream_rq_t)", {"http.p."}},
      {"^abc", {"abc"}},
      {"^abc.*d", {"abc"}},
      {"^abc?", {"ab"}},
      {"^abc{0}", {"ab"}},
      {"^a?", {}},
      {"^(a|b)?c", {}},
      {"^(a|b)*c", {}},
      {"^(a|)", {}},
      {"^(a.|b)", {}},
      {"^(?i)abc", {}},
      {"^(?:a|b)", {}},
      {"^a|b", {}},
      {"^(a)|b", {}},
      {"^(a|b)c|d", {}},
      {"^a[|]", {}},
      {"^a\\Q(\\E|b", {}},
      {"^a\\(|b", {}},
      {"^", {}},
      {"abc", {}},
      {"", {}},
  };
  for (const auto& [regex, expected] : cases)
    EXPECT_EQ(prefixes_of_matches(regex), expected) << regex;
}

TEST(SelectMetrics, CollectingSelectedIsSelectingOfTheCollected) {
  StatsStore store(2);
  store.cluster("a", 0).get().upstream_cx_total.add();
  store.cluster("b", 1).get().requests.get().count_response(ResponseOrigin::external, 200);
  store.cluster_hosts("a");
  store.http("p", 0).downstream_rq_time.record(4);
  store.counter("http", "p", "lua.errors", 0).add();
  for (const char* filter : {"", "^cluster\\.b", "upstream", "^http\\.p\\.(lua|downstream_rq_t)",
                             "^(server|tls)", "time$", "^x"})
    for (const bool used : {false, true}) {
      const MetricQuery query{.used_only = used, .filter = filter};
      const auto wanted = MetricSelector::make(query);
      EXPECT_EQ(names(collect_metrics(store, {}, &*wanted)),
                names(*select_metrics(collect_metrics(store, {}), query)))
          << filter;
    }
}

TEST(SelectMetrics, BadRegexIsAnError) {
  const auto kept = select_metrics(sample(), {.filter = "a(b"});
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().message, "filter 'a(b': missing ): a(b");
}

TEST(SelectMetrics, AFilterThatWouldTakeMuchMemoryIsAnError) {
  EXPECT_FALSE(select_metrics(sample(), {.filter = "((a{100}){100}){100}"}));
}

}  // namespace
}  // namespace weir::stats
