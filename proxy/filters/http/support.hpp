// SPDX-License-Identifier: Apache-2.0
// What several HTTP filters do in the same way: their configuration on a route, their counters.
#pragma once

#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <variant>

#include "proxy/filters/http/filter.hpp"

namespace weir::filters {

/// `config` as a T (a final class), or nullptr: a route may hold any filter's configuration under
/// any name.
template <class T>
const T* route_filter_as(const config::RouteFilterConfig* config) noexcept {
  return config != nullptr && typeid(*config) == typeid(T) ? static_cast<const T*>(config)
                                                           : nullptr;
}

/// What the route of the stream says about the filter `name`; nullptr: nothing.
template <class T>
const T* route_config_of(HttpStream& stream, std::string_view name) {
  return route_filter_as<T>(stream.route_config(name));
}

/// Calls `visit` with each configuration of type T that `routes` hold for the filter `name`.
template <class T>
void for_each_route_config(const route::RouteConfig& routes, std::string_view name,
                           const std::function<void(const T&)>& visit) {
  const auto look = [&](const route::RouteFilters& filters) {
    for (const route::RouteFilter& filter : filters) {
      if (filter.filter != name) continue;
      if (const T* config = route_filter_as<T>(filter.config.get())) visit(*config);
    }
  };
  look(routes.filters);
  for (const route::VirtualHost& host : routes.virtual_hosts) {
    look(host.filters);
    for (const route::Route& one : host.routes) {
      look(one.filters);
      if (const auto* forward = std::get_if<route::ForwardAction>(&one.action))
        for (const route::WeightedCluster& cluster : forward->weighted) look(cluster.filters);
    }
  }
}

/// http.<stat_prefix>.<field> of this worker.
inline stats::Counter& http_counter(HttpInstanceContext& context, std::string_view field) {
  return context.network.stats.counter("http", context.stat_prefix, field,
                                       context.network.worker.worker);
}

/// A number as Envoy reads it in a header: spaces around it and a plus sign are passed over.
/// nullopt: anything else, and what does not fit.
inline std::optional<std::uint64_t> parse_header_number(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return number;
}

}  // namespace weir::filters
