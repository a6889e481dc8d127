// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"
#include "proxy/stats/render.hpp"

namespace weir::stats {

std::string render_json(std::span<const Metric> metrics) {
  JsonWriter json;
  json.begin_object().key("stats").begin_array();
  for (const Metric& metric : metrics)
    json.begin_object()
        .key("name")
        .string(metric.name)
        .key("value")
        .number(metric.value)
        .end_object();
  json.end_array().end_object();
  return json.take();
}

}  // namespace weir::stats
