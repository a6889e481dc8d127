// SPDX-License-Identifier: Apache-2.0
// The blocks of statistics that the main thread writes, with Envoy's names.
#pragma once

#include <array>
#include <tuple>

#include "proxy/stats/blocks.hpp"

namespace weir::stats {

/// listener_manager.*
struct ListenerManagerStats {
  Counter listener_added, listener_modified, listener_removed, listener_stopped,
      listener_create_success, listener_create_failure, listener_in_place_updated;
  Gauge total_listeners_active, total_listeners_warming, total_listeners_draining,
      total_filter_chains_draining;
  Gauge workers_started;  // 1 once every worker accepts connections

  static constexpr auto fields() {
    using S = ListenerManagerStats;
    return std::make_tuple(Field{"listener_added", &S::listener_added},
                           Field{"listener_modified", &S::listener_modified},
                           Field{"listener_removed", &S::listener_removed},
                           Field{"listener_stopped", &S::listener_stopped},
                           Field{"listener_create_success", &S::listener_create_success},
                           Field{"listener_create_failure", &S::listener_create_failure},
                           Field{"listener_in_place_updated", &S::listener_in_place_updated},
                           Field{"total_listeners_active", &S::total_listeners_active},
                           Field{"total_listeners_warming", &S::total_listeners_warming},
                           Field{"total_listeners_draining", &S::total_listeners_draining},
                           Field{"total_filter_chains_draining", &S::total_filter_chains_draining},
                           Field{"workers_started", &S::workers_started});
  }
};

/// cluster_manager.*
struct ClusterManagerStats {
  Counter cluster_added, cluster_modified, cluster_removed, cluster_updated;
  Gauge active_clusters, warming_clusters;

  static constexpr auto fields() {
    using S = ClusterManagerStats;
    return std::make_tuple(Field{"cluster_added", &S::cluster_added},
                           Field{"cluster_modified", &S::cluster_modified},
                           Field{"cluster_removed", &S::cluster_removed},
                           Field{"cluster_updated", &S::cluster_updated},
                           Field{"active_clusters", &S::active_clusters},
                           Field{"warming_clusters", &S::warming_clusters});
  }
};

/// cluster.<name>.*: the hosts of a cluster and how they were found.
struct ClusterHostStats {
  Counter membership_change, update_attempt, update_success, update_failure, update_empty,
      update_no_rebuild, update_rejected, init_fetch_timeout;
  Gauge membership_total, membership_healthy, membership_degraded, membership_excluded,
      max_host_weight;
  /// Not shown: what circuit_breakers.<priority>.*_open is judged by.
  struct Limits {
    Gauge connections, pending, requests, retries;
  };
  std::array<Limits, kPriorities> limits;

  static constexpr auto fields() {
    using S = ClusterHostStats;
    return std::make_tuple(
        Field{"membership_change", &S::membership_change},
        Field{"update_attempt", &S::update_attempt}, Field{"update_success", &S::update_success},
        Field{"update_failure", &S::update_failure}, Field{"update_empty", &S::update_empty},
        Field{"update_no_rebuild", &S::update_no_rebuild},
        Field{"update_rejected", &S::update_rejected},
        Field{"init_fetch_timeout", &S::init_fetch_timeout},
        Field{"membership_total", &S::membership_total},
        Field{"membership_healthy", &S::membership_healthy},
        Field{"membership_degraded", &S::membership_degraded},
        Field{"membership_excluded", &S::membership_excluded},
        Field{"max_host_weight", &S::max_host_weight});
  }
};

/// weir.access_log.*: all sinks together.
struct AccessLogStats {
  Counter lines_written, lines_dropped, write_errors;

  static constexpr auto fields() {
    using S = AccessLogStats;
    return std::make_tuple(Field{"lines_written", &S::lines_written},
                           Field{"lines_dropped", &S::lines_dropped},
                           Field{"write_errors", &S::write_errors});
  }
};

}  // namespace weir::stats
