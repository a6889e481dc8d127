// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/select.hpp"

#include <algorithm>

#include <re2/re2.h>

namespace weir::stats {
namespace {

/// Bounds what a request can make us compile.
constexpr std::int64_t kMaxFilterMemory = 1 << 20;

}  // namespace

Result<void> apply_type(std::string_view type, MetricQuery& query) {
  if (type == "All") return {};
  if (type == "Counters") {
    query.kind = MetricKind::counter;
    return {};
  }
  if (type == "Gauges") {
    query.kind = MetricKind::gauge;
    return {};
  }
  if (type == "Histograms") {
    query.kind = MetricKind::histogram;
    return {};
  }
  if (type == "TextReadouts") {
    query.none = true;
    return {};
  }
  return Error{"type '" + std::string(type) +
               "': expected All, Counters, Gauges, Histograms or TextReadouts"};
}

Result<std::vector<Metric>> select_metrics(std::vector<Metric> metrics, const MetricQuery& query) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxFilterMemory);
  const re2::RE2 filter(query.filter, options);
  if (!filter.ok()) return Error{"filter '" + query.filter + "': " + filter.error()};

  const auto unwanted = [&](const Metric& metric) {
    return query.none || (query.used_only && !metric.used) ||
           (query.kind && *query.kind != metric.kind) ||
           (!query.filter.empty() && !re2::RE2::PartialMatch(metric.name, filter));
  };
  metrics.erase(std::remove_if(metrics.begin(), metrics.end(), unwanted), metrics.end());
  return metrics;
}

}  // namespace weir::stats
