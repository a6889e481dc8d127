// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

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

void append_sample(std::string& out, std::string_view name, const Metric& metric) {
  out += name;
  out += '{';
  bool first = true;
  for (const Label& label : metric.labels) {
    if (!first) out += ',';
    first = false;
    out += label.name;
    out += "=\"";
    append_label_value(out, label.value);
    out += '"';
  }
  out += "} ";
  out += std::to_string(metric.value);
  out += '\n';
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
  return out;
}

}  // namespace weir::stats
