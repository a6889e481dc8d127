// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "common/json_writer.hpp"
#include "proxy/stats/decimal.hpp"
#include "proxy/stats/render.hpp"

namespace weir::stats {
namespace {

using Summary = HistogramSummary;

bool is_histogram(const Metric& metric) { return metric.kind == MetricKind::histogram; }

JsonWriter& decimal(JsonWriter& json, double value) {
  std::string text;
  append_decimal(text, value);
  return json.number_text(text);
}

void write_value(JsonWriter& json, const Metric& metric) {
  json.begin_object()
      .key("name")
      .string(metric.name)
      .key("value")
      .number(metric.value)
      .end_object();
}

void write_quantiles(JsonWriter& json, const Metric& metric) {
  json.begin_object().key("name").string(metric.name).key("values").begin_array();
  for (std::size_t i = 0; i < Summary::kQuantiles.size(); ++i) {
    json.begin_object().key("cumulative");
    if (metric.histogram != nullptr)
      decimal(json, metric.histogram->quantiles[i]);
    else
      json.null();
    json.key("interval").null().end_object();
  }
  json.end_array().end_object();
}

void write_histograms(JsonWriter& json, std::span<const Metric> metrics) {
  json.begin_object().key("histograms").begin_object().key("supported_quantiles").begin_array();
  for (const double percentile : Summary::kPercentiles) decimal(json, percentile);
  json.end_array().key("computed_quantiles").begin_array();
  for (const Metric& metric : metrics)
    if (is_histogram(metric)) write_quantiles(json, metric);
  json.end_array().end_object().end_object();
}

}  // namespace

std::string render_json(std::span<const Metric> metrics) {
  JsonWriter json;
  json.begin_object().key("stats").begin_array();
  for (const Metric& metric : metrics)
    if (!is_histogram(metric)) write_value(json, metric);
  if (std::any_of(metrics.begin(), metrics.end(), is_histogram)) write_histograms(json, metrics);
  json.end_array().end_object();
  return json.take();
}

}  // namespace weir::stats
