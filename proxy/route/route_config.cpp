// SPDX-License-Identifier: Apache-2.0
#include "proxy/route/route_config.hpp"

#include <unordered_set>

namespace weir::route {
namespace {

class Names {
 public:
  bool add(const std::string& name) {
    if (!seen_.insert(name).second) return false;
    names.push_back(name);
    return true;
  }
  std::vector<std::string> names;

 private:
  std::unordered_set<std::string_view> seen_;  // of the configuration's own texts
};

/// Calls `visit(name, is_weighted)` for every cluster that is named.
template <class Visit>
void visit_clusters(const RouteConfig& config, Visit&& visit) {
  for (const VirtualHost& host : config.virtual_hosts) {
    for (const Route& route : host.routes) {
      const auto* const forward = std::get_if<ForwardAction>(&route.action);
      if (forward == nullptr) continue;
      if (!forward->cluster.empty()) visit(forward->cluster, false);
      for (const WeightedCluster& cluster : forward->weighted)
        if (!cluster.name.empty()) visit(cluster.name, true);
    }
  }
}

}  // namespace

std::vector<std::string> RouteConfig::cluster_names() const {
  Names all;
  visit_clusters(*this, [&](const std::string& cluster, bool) { all.add(cluster); });
  return std::move(all.names);
}

std::vector<std::string> RouteConfig::check_clusters(const ClusterExists& exists) const {
  Names unknown;
  std::vector<std::string> texts;
  if (!validate_clusters) return texts;
  visit_clusters(*this, [&](const std::string& cluster, bool weighted) {
    if (!exists(cluster) && unknown.add(cluster))
      texts.push_back(std::string("route: unknown ") + (weighted ? "weighted " : "") + "cluster '" +
                      cluster + "'");
  });
  return texts;
}

}  // namespace weir::route
