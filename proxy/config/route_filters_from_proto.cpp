// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/route_filters_from_proto.hpp"

#include <algorithm>
#include <optional>

#include "envoy/config/route/v3/route_components.pb.h"

namespace weir::config {
namespace {

using envoy::config::route::v3::FilterConfig;
using google::protobuf::Any;

/// A configuration that wraps the filter's own, with switches.
std::optional<route::RouteFilter> wrapped(const std::string& name, const FilterConfig& proto,
                                          const FilterRegistry& registry,
                                          const ParseContext& context) {
  if (proto.disabled()) return route::RouteFilter{name, nullptr, true};
  if (!proto.has_config()) {
    context.error("Empty route/virtual host per filter configuration for " + name + " filter");
    return std::nullopt;
  }
  const std::string& url = proto.config().type_url();
  if (url.empty()) return route::RouteFilter{name, nullptr, false};  // enables the filter
  const ParseContext inside = context.field("config");
  if (!proto.is_optional() || registry.knows_route_filter(url))
    return route::RouteFilter{name, registry.parse_route_filter(proto.config(), inside), false};
  inside.warning("filter '" + name + "' is optional and left out: no filter takes '" + url + "'");
  return std::nullopt;
}

std::optional<route::RouteFilter> filter_from_proto(const std::string& name, const Any& any,
                                                    const FilterRegistry& registry,
                                                    const ParseContext& context) {
  if (type_name(any.type_url()) != FilterConfig::descriptor()->full_name())
    return route::RouteFilter{name, registry.parse_route_filter(any, context), false};
  FilterConfig wrapper;
  if (wrapper.ParseFromString(any.value())) return wrapped(name, wrapper, registry, context);
  context.error("not a valid message of its type");
  return std::nullopt;
}

}  // namespace

route::RouteFilters route_filters_from_proto(const google::protobuf::Map<std::string, Any>& proto,
                                             const FilterRegistry& registry,
                                             const ParseContext& parent) {
  std::vector<const std::string*> names;
  for (const auto& entry : proto) names.push_back(&entry.first);
  std::sort(names.begin(), names.end(),
            [](const std::string* a, const std::string* b) { return *a < *b; });
  const ParseContext map = parent.field("typed_per_filter_config");
  route::RouteFilters filters;
  for (const std::string* name : names) {
    const ParseContext entry = map.field(*name);
    if (auto filter = filter_from_proto(*name, proto.at(*name), registry, entry))
      filters.push_back(*std::move(filter));
  }
  return filters;
}

}  // namespace weir::config
