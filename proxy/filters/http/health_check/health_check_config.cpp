// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/health_check/health_check_config.hpp"

#include <algorithm>

#include "envoy/extensions/filters/http/health_check/v3/health_check.pb.h"
#include "proxy/config/matchers_from_proto.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::filters {

HealthCheckSettings health_check_filter_from_proto(
    const envoy::extensions::filters::http::health_check::v3::HealthCheck& proto,
    const config::ParseContext& context) {
  HealthCheckSettings settings;
  if (!proto.has_pass_through_mode()) context.error("has no pass_through_mode");
  settings.pass_through = proto.pass_through_mode().value();
  if (proto.has_cache_time()) {
    const config::ParseContext field = context.field("cache_time");
    settings.cache_time = config::duration_from_proto(proto.cache_time(), field);
    if (!settings.pass_through && settings.cache_time.count() > 0)
      field.error("must not be set without pass_through_mode");
  }
  const config::ParseContext clusters = context.field("cluster_min_healthy_percentages");
  for (const auto& [name, percent] : proto.cluster_min_healthy_percentages()) {
    if (!(percent.value() >= 0 && percent.value() <= 100))
      clusters.field(name).error("must be from 0 to 100");
    else  // Envoy cuts fractions off too
      settings.clusters.emplace_back(name, static_cast<std::uint32_t>(percent.value()));
  }
  std::sort(settings.clusters.begin(), settings.clusters.end());
  settings.headers = config::header_matchers_from_proto(proto.headers(), context, "headers");
  return settings;
}

}  // namespace weir::filters
