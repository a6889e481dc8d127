// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/routes_in_use.hpp"

#include <algorithm>

namespace weir::filters {
namespace {

bool any_disabled(const route::RouteFilters& filters) {
  return std::any_of(filters.begin(), filters.end(),
                     [](const route::RouteFilter& filter) { return filter.disabled; });
}

bool can_switch_filters(const route::RouteConfig& routes) {
  if (any_disabled(routes.filters)) return true;
  for (const route::VirtualHost& host : routes.virtual_hosts) {
    if (any_disabled(host.filters)) return true;
    for (const route::Route& route : host.routes)
      if (any_disabled(route.filters)) return true;
  }
  return false;
}

}  // namespace

RouteTablePin::RouteTablePin(std::shared_ptr<const route::RouteTable> table) {
  if (table == nullptr) return;
  const bool switches = can_switch_filters(table->config());
  used_ = new WorkerRouteTable{std::move(table), switches, 1};
}

}  // namespace weir::filters
