// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/decimal.hpp"
#include "proxy/stats/render.hpp"

namespace weir::stats {
namespace {

using Summary = HistogramSummary;

/// The first number is of the last few seconds in Envoy: Weir does not keep it.
void append_quantiles(std::string& out, const Summary& summary) {
  for (std::size_t i = 0; i < Summary::kQuantiles.size(); ++i) {
    out += i == 0 ? "P" : " P";
    append_decimal(out, Summary::kPercentiles[i]);
    out += "(nan,";
    append_decimal(out, summary.quantiles[i]);
    out += ')';
  }
}

}  // namespace

std::string render_text(std::span<const Metric> metrics) {
  std::string out;
  const auto begin_line = [&](const Metric& metric) {
    out += metric.name;
    out += ": ";
  };
  for (const Metric& metric : metrics) {
    if (metric.kind == MetricKind::histogram) continue;
    begin_line(metric);
    out += std::to_string(metric.value);
    out += '\n';
  }
  for (const Metric& metric : metrics) {
    if (metric.kind != MetricKind::histogram) continue;
    begin_line(metric);
    if (metric.histogram != nullptr)
      append_quantiles(out, *metric.histogram);
    else
      out += "No recorded values";
    out += '\n';
  }
  return out;
}

}  // namespace weir::stats
