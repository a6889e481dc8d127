// SPDX-License-Identifier: Apache-2.0
// Metric: the flat view of all statistics at one moment, summed over the workers. Renderers read
// only this.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/stats/histogram_summary.hpp"
#include "proxy/stats/stats_store.hpp"

namespace weir::stats {

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

struct Label {
  std::string name;
  std::string value;  // as configured, not escaped
  bool operator==(const Label&) const = default;
};

struct Metric {
  std::string name;       // Envoy's dotted name: "listener.0.0.0.0_15001.downstream_cx_total"
  std::string base_name;  // the same without what is a label: "listener.downstream_cx_total"
  std::vector<Label> labels;
  MetricKind kind = MetricKind::counter;
  std::uint64_t value = 0;
  bool used = false;                                  // was ever written (`usedonly`)
  std::shared_ptr<const HistogramSummary> histogram;  // of a histogram that is used
};

/// What no block holds: the values of server.*.
struct ServerValues {
  std::uint64_t state = 0;  // 0 LIVE, 1 DRAINING, 2 PRE_INITIALIZING, 3 INITIALIZING
  bool live = false;        // false once draining was asked for
  std::chrono::seconds uptime{0};
  std::uint64_t version = 0;  // 10000 × major + 100 × minor + patch
  std::uint64_t concurrency = 0;
  std::chrono::milliseconds initialization_time{0};
  std::uint64_t memory_allocated = 0;      // bytes in use by the program
  std::uint64_t memory_heap_size = 0;      // bytes taken from the kernel
  std::uint64_t memory_physical_size = 0;  // resident bytes
};

class MetricSelector;  // select.hpp

/// Every statistic, or those that are wanted, sorted by name. Main thread only.
std::vector<Metric> collect_metrics(const StatsStore& store, const ServerValues& server,
                                    const MetricSelector* wanted = nullptr);

}  // namespace weir::stats
