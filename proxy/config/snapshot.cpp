// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/snapshot.hpp"

namespace weir::config {

std::optional<std::size_t> Snapshot::find_cluster(std::string_view name) const {
  if (cluster_index.size() == clusters.size()) {
    const auto at = cluster_index.find(name);
    return at == cluster_index.end() ? std::nullopt : std::optional(at->second);
  }
  for (std::size_t i = 0; i < clusters.size(); ++i)
    if (clusters[i]->name == name) return i;
  return std::nullopt;
}

}  // namespace weir::config
