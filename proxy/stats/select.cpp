// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/select.hpp"

#include <algorithm>
#include <utility>

#include <re2/re2.h>

#include "proxy/stats/name_prefixes.hpp"

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

Result<MetricSelector> MetricSelector::make(MetricQuery query) {
  MetricSelector selector;
  if (!query.filter.empty()) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kMaxFilterMemory);
    auto filter = std::make_shared<const re2::RE2>(query.filter, options);
    if (!filter->ok()) return Error{"filter '" + query.filter + "': " + filter->error()};
    selector.prefixes_ = prefixes_of_matches(query.filter);
    selector.filter_ = std::move(filter);
  }
  selector.query_ = std::move(query);
  return selector;
}

bool MetricSelector::wants(const Metric& metric) const {
  if (query_.none || (query_.used_only && !metric.used)) return false;
  if (query_.kind && *query_.kind != metric.kind) return false;
  return filter_ == nullptr || re2::RE2::PartialMatch(metric.name, *filter_);
}

bool MetricSelector::may_want_below(std::string_view prefix) const {
  if (query_.none) return false;
  return prefixes_.empty() ||
         std::any_of(prefixes_.begin(), prefixes_.end(), [&](const std::string& wanted) {
           return prefix.starts_with(wanted) || wanted.starts_with(prefix);
         });
}

}  // namespace weir::stats
