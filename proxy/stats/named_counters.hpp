// SPDX-License-Identifier: Apache-2.0
// NamedCounters: counters and gauges that a filter names itself, one at a time.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/stats/counter.hpp"

namespace weir::stats {

/// {"http", "ingress", "fault.aborts_injected"} is http.ingress.fault.aborts_injected, and
/// envoy_http_fault_aborts_injected{envoy_http_conn_manager_prefix="ingress"} to Prometheus.
/// {"", "limiter", "http_local_rate_limit.ok", "envoy_local_http_ratelimit_prefix"} is
/// limiter.http_local_rate_limit.ok, and envoy_http_local_rate_limit_ok{…="limiter"}.
struct CounterName {
  std::string_view group;       // "" = none
  std::string_view instance;    // "" = none, and no label
  std::string_view field;       // may have dots
  std::string_view label = {};  // of `instance`; "" = what Envoy calls those of the group
};

/// The label that Envoy gives the instances of a group: "http" →
/// "envoy_http_conn_manager_prefix". "" for groups without.
std::string_view label_of_group(std::string_view group);

/// Metric is Counter or Gauge. Made on first use, kept at the same address: each on a cache line of
/// its own, because the next one may belong to another thread.
template <class Metric>
class NamedMetrics {
 public:
  struct alignas(64) Cell {
    Metric metric;
  };
  struct Entry {
    std::string group, instance, field, label;
    std::unique_ptr<Cell[]> cells;  // one per writer
  };

  explicit NamedMetrics(std::size_t writers) : writers_(writers) {}

  Metric& find_or_make(const CounterName& name, std::size_t writer) {
    std::string key(name.group);
    ((key += '\n') += name.instance) += '\n';
    key += name.field;
    Entry& entry = entries_[key];
    if (entry.cells == nullptr) {
      const auto label = name.label.empty() ? label_of_group(name.group) : name.label;
      entry = {std::string(name.group), std::string(name.instance), std::string(name.field),
               std::string(label), std::make_unique<Cell[]>(writers_)};
    }
    return entry.cells[writer].metric;
  }

  [[nodiscard]] const std::map<std::string, Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t writers() const noexcept { return writers_; }

 private:
  std::size_t writers_;
  std::map<std::string, Entry> entries_;
};

}  // namespace weir::stats
