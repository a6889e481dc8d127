// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/metric_list.hpp"

#include "proxy/stats/select.hpp"

namespace weir::stats {
namespace {

/// ':' separates nothing in Envoy's names: it is written as '_'.
std::string name_part(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), ':', '_');
  return out;
}

}  // namespace

Scope Scope::of(std::string_view group) { return Scope{}.within(group); }

Scope Scope::of(std::string_view group, std::string_view instance, std::string_view label) {
  return Scope{}.within(group, instance, label);
}

Scope Scope::within(std::string_view group) const {
  Scope out = *this;
  if (group.empty()) return out;
  (out.name += group) += '.';
  (out.base += group) += '.';
  return out;
}

Scope Scope::within(std::string_view group, std::string_view instance,
                    std::string_view label) const {
  Scope out = within(group);
  if (instance.empty()) return out;
  (out.name += name_part(instance)) += '.';
  // The innermost label comes first, as in Envoy.
  if (!label.empty())
    out.labels.insert(out.labels.begin(), {std::string(label), std::string(instance)});
  return out;
}

void MetricList::add(const Scope& scope, std::string_view field, MetricKind kind,
                     std::uint64_t value) {
  Metric& metric = metrics_.emplace_back();
  metric.name = scope.name + std::string(field);
  metric.base_name = scope.base + std::string(field);
  metric.labels = scope.labels;
  metric.kind = kind;
  metric.value = value;
  metric.used = value != 0;
}

void MetricList::add_code(const Scope& scope, std::string_view field, unsigned code,
                          std::uint64_t value) {
  const std::string text = std::to_string(code);
  add(scope, field, MetricKind::counter, value);
  (last().name += '_') += text;
  last().labels.insert(last().labels.begin(), {"envoy_response_code", text});
}

void MetricList::add_class(const Scope& scope, std::string_view field, unsigned code_class,
                           std::uint64_t value) {
  const std::string text = std::to_string(code_class);
  add(scope, field, MetricKind::counter, value);
  ((last().name += '_') += text) += "xx";
  last().base_name += "_xx";
  last().labels.insert(last().labels.begin(), {"envoy_response_code_class", text});
}

void MetricList::add_classes(const Scope& scope, std::string_view field,
                             std::span<const ResponseClasses* const> classes) {
  for (unsigned i = 0; i < 5; ++i) {
    std::uint64_t sum = 0;
    for (const ResponseClasses* part : classes) sum += part->by_class[i].value();
    add_class(scope, field, i + 1, sum);
  }
}

void MetricList::add_histogram(const Scope& scope, std::string_view field,
                               std::span<const Histogram* const> parts) {
  add(scope, field, MetricKind::histogram, 0);
  std::vector<std::uint64_t> counts(Histogram::kBins);
  for (const Histogram* part : parts)
    if (part->add_to(counts)) last().used = true;
  if (last().used) last().histogram = std::make_shared<HistogramSummary>(summarize(counts));
}

void MetricList::use_gauges_since(std::size_t first) {
  const auto added = std::span(metrics_).subspan(first);
  if (!std::any_of(added.begin(), added.end(), [](const Metric& m) { return m.used; })) return;
  for (Metric& metric : added)
    if (metric.kind == MetricKind::gauge) metric.used = true;
}

bool MetricList::wants(const Scope& scope) const {
  return wanted_ == nullptr || wanted_->may_want_below(scope.name);
}

void MetricList::drop_unwanted(std::size_t first) {
  if (wanted_ == nullptr) return;
  const auto begin = metrics_.begin() + static_cast<std::ptrdiff_t>(first);
  metrics_.erase(std::remove_if(begin, metrics_.end(),
                                [&](const Metric& metric) { return !wanted_->wants(metric); }),
                 metrics_.end());
}

std::vector<Metric> MetricList::take() {
  drop_unwanted(0);
  std::sort(metrics_.begin(), metrics_.end(),
            [](const Metric& a, const Metric& b) { return a.name < b.name; });
  return std::move(metrics_);
}

}  // namespace weir::stats
