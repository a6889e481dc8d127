// SPDX-License-Identifier: Apache-2.0
// MetricQuery: which statistics a request wants.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "proxy/stats/metrics.hpp"

namespace weir::stats {

struct MetricQuery {
  bool used_only = false;
  std::string filter;              // RE2, found anywhere in Metric::name; "" = all
  std::optional<MetricKind> kind;  // nullopt = all
  bool none = false;               // a kind that Weir has no statistics of (TextReadouts)
};

/// The kinds of `/stats?type=`: All, Counters, Gauges, Histograms, TextReadouts. Error quotes the
/// text.
Result<void> apply_type(std::string_view type, MetricQuery& query);

/// Keeps what the query wants, in order. Error: the filter is not a regular expression that RE2
/// takes.
Result<std::vector<Metric>> select_metrics(std::vector<Metric> metrics, const MetricQuery& query);

}  // namespace weir::stats
