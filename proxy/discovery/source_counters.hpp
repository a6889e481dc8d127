// SPDX-License-Identifier: Apache-2.0
// What Envoy counts about the updates of each type of resource.
#pragma once

#include <string_view>

#include "proxy/discovery/resource.hpp"
#include "proxy/stats/stats_store.hpp"

namespace weir::discovery {

/// "cluster_manager", "listener_manager": before the type's own part of a counter's name.
std::string_view counter_group(ResourceType type);

/// Of clusters and listeners; endpoints and route tables count by their users, each for itself.
/// Main thread.
class SourceCounters {
 public:
  explicit SourceCounters(stats::StatsStore& stats) : stats_(stats) {}

  /// Those that have not counted anything yet are 0, not missing.
  void show(ResourceType type);
  /// "update_attempt".
  void count(ResourceType type, std::string_view field);
  /// http.PREFIX.rds.TABLE.FIELD; the usual ones, and one more of one.
  void show_route_table(std::string_view prefix, std::string_view table);
  void count_route_table(std::string_view prefix, std::string_view table, std::string_view field);
  /// A version was accepted just now.
  void count_version(ResourceType type, std::string_view version);

 private:
  stats::Counter* find(ResourceType type, std::string_view field);
  stats::Counter& find_route_table(std::string_view prefix, std::string_view table,
                                   std::string_view field);
  stats::StatsStore& stats_;
};

}  // namespace weir::discovery
