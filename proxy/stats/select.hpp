// SPDX-License-Identifier: Apache-2.0
// MetricQuery and MetricSelector: which statistics a request wants.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.hpp"
#include "proxy/stats/metrics.hpp"

namespace re2 {
class RE2;
}

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

/// A query, compiled. Immutable.
class MetricSelector {
 public:
  /// Error: the filter is not a regular expression that RE2 takes.
  static Result<MetricSelector> make(MetricQuery query);

  [[nodiscard]] bool wants(const Metric& metric) const;
  /// false: no name that begins with `prefix` is wanted. Spares the work for all of a cluster when
  /// somebody asks for "^server\\.state", as Istio's agent does every other second.
  [[nodiscard]] bool may_want_below(std::string_view prefix) const;

 private:
  MetricQuery query_;
  std::shared_ptr<const re2::RE2> filter_;  // null: all names
  std::vector<std::string> prefixes_;  // a name that the filter wants begins with one; empty: any
};

}  // namespace weir::stats
