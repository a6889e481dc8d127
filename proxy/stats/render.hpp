// SPDX-License-Identifier: Apache-2.0
// The three forms in which statistics leave the process. Each keeps the order that it is given
// unless it says otherwise.
#pragma once

#include <span>
#include <string>

#include "proxy/stats/metrics.hpp"

namespace weir::stats {

/// `name: value` lines, as Envoy's /stats; histograms last, `name: P0(nan,1) P25(nan,1.05) …`.
std::string render_text(std::span<const Metric> metrics);

/// {"stats":[{"name":…,"value":…}]}, as Envoy's /stats?format=json; histograms at
/// the end of the array, in one object.
std::string render_json(std::span<const Metric> metrics);

/// Prometheus text format 0.0.4: counters, then gauges, then histograms; one `# TYPE` line per
/// name; names as Envoy makes them
/// ("envoy_" + base name), Weir's own without that prefix.
std::string render_prometheus(std::span<const Metric> metrics);

}  // namespace weir::stats
