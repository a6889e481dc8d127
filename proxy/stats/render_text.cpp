// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/render.hpp"

namespace weir::stats {

std::string render_text(std::span<const Metric> metrics) {
  std::string out;
  for (const Metric& metric : metrics) {
    out += metric.name;
    out += ": ";
    out += std::to_string(metric.value);
    out += '\n';
  }
  return out;
}

}  // namespace weir::stats
