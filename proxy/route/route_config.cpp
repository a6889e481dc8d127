// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/route_config.hpp"

#include <unordered_set>

namespace weir::route {
namespace {

class Names {
 public:
  void add(const std::string& name) {
    if (!name.empty() && seen_.insert(name).second) names.push_back(name);
  }
  std::vector<std::string> names;

 private:
  std::unordered_set<std::string_view> seen_;  // of the configuration's own texts
};

}  // namespace

std::vector<std::string> RouteConfig::cluster_names() const {
  Names all;
  for (const VirtualHost& host : virtual_hosts) {
    for (const Route& route : host.routes) {
      const auto* const forward = std::get_if<ForwardAction>(&route.action);
      if (forward == nullptr) continue;
      all.add(forward->cluster);
      for (const WeightedCluster& cluster : forward->weighted) all.add(cluster.name);
    }
  }
  return std::move(all.names);
}

}  // namespace weir::route
