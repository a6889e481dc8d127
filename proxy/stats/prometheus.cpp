// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "proxy/stats/decimal.hpp"
#include "proxy/stats/render.hpp"

namespace weir::stats {
namespace {

constexpr std::string_view kOwnNamespace = "weir.";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string prometheus_name(std::string_view base_name) {
  std::string out = base_name.starts_with(kOwnNamespace) ? "" : "envoy_";
  for (const char c : base_name) out += is_name_character(c) ? c : '_';
  return out;
}

void append_label_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '"')
      out += "\\\"";
    else if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  if (out.back() != '{') out += ',';
  out += name;
  out += "=\"";
  append_label_value(out, value);
  out += '"';
}

/// `name`, `suffix` and the labels, up to the value. `bound` is that of a histogram's bucket.
void begin_sample(std::string& out, std::string_view name, std::string_view suffix,
                  const Metric& metric, std::string_view bound = {}) {
  out += name;
  out += suffix;
  out += '{';
  for (const Label& label : metric.labels) append_label(out, label.name, label.value);
  if (!bound.empty()) append_label(out, "le", bound);
  out += "} ";
}

void append_line(std::string& out, std::uint64_t value) {
  out += std::to_string(value);
  out += '\n';
}

void append_histogram(std::string& out, std::string_view name, const Metric& metric) {
  static const HistogramSummary nothing;
  const HistogramSummary& summary = metric.histogram ? *metric.histogram : nothing;
  for (std::size_t i = 0; i < HistogramSummary::kBounds.size(); ++i) {
    std::string bound;
    append_decimal(bound, HistogramSummary::kBounds[i]);
    begin_sample(out, name, "_bucket", metric, bound);
    append_line(out, summary.at_most[i]);
  }
  begin_sample(out, name, "_bucket", metric, "+Inf");
  append_line(out, summary.count);
  begin_sample(out, name, "_sum", metric);
  append_long_decimal(out, summary.sum);
  out += '\n';
  begin_sample(out, name, "_count", metric);
  append_line(out, summary.count);
}

void append_sample(std::string& out, std::string_view name, const Metric& metric) {
  if (metric.kind == MetricKind::histogram) return append_histogram(out, name, metric);
  begin_sample(out, name, {}, metric);
  append_line(out, metric.value);
}

void append_kind(std::string& out, std::span<const Metric> metrics, MetricKind kind,
                 std::string_view type) {
  std::map<std::string, std::vector<const Metric*>> groups;
  for (const Metric& metric : metrics)
    if (metric.kind == kind) groups[prometheus_name(metric.base_name)].push_back(&metric);
  for (const auto& [name, members] : groups) {
    out += "# TYPE " + name + " " + std::string(type) + "\n";
    for (const Metric* metric : members) append_sample(out, name, *metric);
  }
}

}  // namespace

std::string render_prometheus(std::span<const Metric> metrics) {
  std::string out;
  append_kind(out, metrics, MetricKind::counter, "counter");
  append_kind(out, metrics, MetricKind::gauge, "gauge");
  append_kind(out, metrics, MetricKind::histogram, "histogram");
  return out;
}

}  // namespace weir::stats
