// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/listener_config.hpp"

#include <algorithm>

namespace weir::config {

bool PortPredicate::matches(std::uint16_t port) const {
  const auto child_matches = [port](const PortPredicate& child) { return child.matches(port); };
  switch (kind) {
    case Kind::any:
      return true;
    case Kind::port_range:
      return port >= start && port < end;
    case Kind::all_of:
      return std::all_of(children.begin(), children.end(), child_matches);
    case Kind::any_of:
      return std::any_of(children.begin(), children.end(), child_matches);
    case Kind::none_of:
      return std::none_of(children.begin(), children.end(), child_matches);
  }
  return false;
}

std::string ListenerConfig::stats_name() const {
  if (!stat_prefix.empty()) return stat_prefix;
  std::string text = addresses.empty() ? name : addresses.front().address.to_string();
  std::replace(text.begin(), text.end(), ':', '_');
  return text;
}

bool each_route_table(const ListenerConfig& listener,
                      const std::function<bool(const RouteTableRef&)>& visit) {
  const auto visit_chain = [&](const FilterChainConfig& chain) {
    for (const auto& filter : chain.filters)
      for (const RouteTableRef& table : filter->route_tables())
        if (!visit(table)) return false;
    return true;
  };
  if (!std::all_of(listener.filter_chains.begin(), listener.filter_chains.end(), visit_chain))
    return false;
  return !listener.default_filter_chain || visit_chain(*listener.default_filter_chain);
}

}  // namespace weir::config
