// SPDX-License-Identifier: Apache-2.0
// AdminSource: what the admin endpoints see of the server, and the few things that they can ask it
// to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/addresses.hpp"
#include "proxy/admin/http_message.hpp"
#include "proxy/admin/query.hpp"
#include "proxy/config/snapshot.hpp"
#include "proxy/stats/stats_store.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::admin {

/// admin.v3.ServerInfo.State; the numbers are those of the statistic server.state.
enum class ServerState : std::uint8_t {
  live = 0,
  draining = 1,
  pre_initializing = 2,
  initializing = 3
};

/// One listener as it runs. `addresses` are those really bound (port 0 resolved); a listener with
/// `bind_to_port: false` shows the addresses that it is configured with.
struct ListenerView {
  std::string name;
  std::vector<ListenAddress>
      addresses;  // at least one; the first is `address` of the configuration
};

/// One host, statistics summed over the workers.
struct HostView {
  std::shared_ptr<const upstream::Host> host;
  std::uint64_t cx_total = 0;
  std::uint64_t cx_connect_fail = 0;
  std::int64_t cx_active = 0;
  std::uint64_t rq_total = 0;
  std::uint64_t rq_success = 0;
  std::uint64_t rq_error = 0;
  std::uint64_t rq_timeout = 0;
  std::int64_t rq_active = 0;
};

/// Percent; -1 = too little traffic in the last interval.
struct OutlierView {
  double success_rate_average = -1;
  double success_rate_threshold = -1;
  double local_success_rate_average = -1;
  double local_success_rate_threshold = -1;
};

struct ClusterView {
  std::shared_ptr<const config::ClusterConfig> config;
  std::vector<HostView> hosts;
  bool added_via_api = false;
  std::optional<OutlierView> outliers;  // clusters with outlier detection
};

/// Sums the workers' counters of each host.
ClusterView view_cluster(std::shared_ptr<const config::ClusterConfig> config,
                         const upstream::HostSet& hosts);

/// The command line as `/server_info` shows it (admin.v3.CommandLineOptions).
struct CommandLineOptions {
  std::uint32_t concurrency = 0;  // workers that run
  std::string config_path;
  std::string config_yaml;
  std::string log_level;
  std::string log_path;
  std::string mode;  // "Serve", "Validate"
  std::string service_cluster;
  std::string service_node;
  std::chrono::seconds drain_time{600};
  // Not shown.
  std::chrono::seconds shutdown_drain_time{20};    // after SIGTERM
  std::chrono::milliseconds termination_drain{0};  // after SIGTERM, inbound
  bool outlive_application = false;
  bool exit_after_application = false;
  bool take_over = false;
};

struct DrainRequest {
  bool graceful = false;      // over the drain time instead of at once
  bool inbound_only = false;  // only listeners whose traffic_direction is INBOUND
};

/// Implemented by the server. Every member is called on the main thread, from inside the admin
/// server.
class AdminSource {
 public:
  AdminSource() = default;
  AdminSource(const AdminSource&) = delete;
  AdminSource& operator=(const AdminSource&) = delete;
  virtual ~AdminSource() = default;

  [[nodiscard]] virtual std::shared_ptr<const config::Snapshot> snapshot() const = 0;
  [[nodiscard]] virtual const stats::StatsStore& stats() const = 0;
  [[nodiscard]] virtual ServerState state() const = 0;
  /// What /ready adds to the state, a line each: what is awaited, and what is not as it was asked
  /// for. Empty: all is well.
  [[nodiscard]] virtual std::vector<std::string> readiness() const = 0;
  [[nodiscard]] virtual const CommandLineOptions& options() const = 0;
  /// Since the process started.
  [[nodiscard]] virtual std::chrono::steady_clock::duration uptime() const = 0;
  /// From process start to the moment when the workers began to accept; 0 before that.
  [[nodiscard]] virtual std::chrono::milliseconds initialization_time() const = 0;
  /// In configuration order.
  [[nodiscard]] virtual std::vector<ListenerView> listeners() const = 0;
  /// In configuration order.
  [[nodiscard]] virtual std::vector<ClusterView> clusters() const = 0;

  /// The answer to /config_dump.
  [[nodiscard]] virtual Response dump_config(const QueryParams& params) const = 0;

  // Asked for by POST. Each returns at once; the answer is sent before the effect can end the
  // process.
  virtual void quit() = 0;
  virtual void drain_listeners(const DrainRequest& request) = 0;
  /// Makes `state()` DRAINING until passed again, so that load balancers look elsewhere.
  virtual void set_health_check_failed(bool failed) = 0;
  virtual void reopen_logs() = 0;
};

}  // namespace weir::admin
