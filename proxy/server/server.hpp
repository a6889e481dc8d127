// SPDX-License-Identifier: Apache-2.0
// Server: the composition root. Owns the main thread's loop, the workers, the clusters, the logs
// and the admin server.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "proxy/access_log/sinks.hpp"
#include "proxy/admin/admin_server.hpp"
#include "proxy/admin/admin_source.hpp"
#include "proxy/config/snapshot.hpp"
#include "proxy/server/application.hpp"
#include "proxy/server/cluster_directory.hpp"
#include "proxy/server/listener_manager.hpp"
#include "proxy/server/route_table_directory.hpp"
#include "proxy/server/shutdown.hpp"
#include "proxy/server/take_over.hpp"
#include "proxy/server/worker.hpp"
#include "proxy/upstream/cluster_manager.hpp"

namespace weir::server {

/// Start-up: bind everything, then find the clusters' hosts, then listen and start the workers.
/// Shutdown (SIGTERM): as ShutdownSteps says; what is left at its end is closed and run() returns.
/// SIGINT, or a second SIGTERM, ends at once. SIGUSR1 reopens the logs. Main thread only.
class Server final : public admin::AdminSource, filters::AccessLogLookup {
 public:
  /// Listeners that could not be had are tried again after that, then after twice that.
  static constexpr std::chrono::seconds kFirstRetry{1};
  static constexpr std::chrono::seconds kLongestRetry{30};

  Server(std::shared_ptr<const config::Snapshot> snapshot, admin::CommandLineOptions options,
         std::chrono::steady_clock::time_point started);
  ~Server() override;

  /// Binds and prepares everything that can fail. Error: one line for a person.
  Result<void> prepare();
  /// Another configuration, at any time after prepare(): what is the same object in both goes on
  /// undisturbed. New and changed clusters warm; listeners that name a new one wait for it, and all
  /// of them while the server does not serve yet. A listener waits for its route tables, too. Who
  /// waits holds nobody up but those that are to have his address or give him theirs, and the
  /// clusters that leave, which is last. A later call takes the place of one that waits. Nothing
  /// changes while the server drains. `node`, `admin` and limits are not looked at.
  /// `on_applied` gets the listeners that could not be had, whenever listeners have changed; they
  /// are tried again, less and less often.
  using OnApplied = std::function<void(std::vector<ListenerManager::Rejection>)>;
  void apply(std::shared_ptr<const config::Snapshot> snapshot, OnApplied on_applied);
  /// New endpoints of one EDS cluster; nothing else is touched.
  void set_endpoints(std::string_view cluster,
                     const std::vector<config::EndpointConfig>& endpoints) {
    clusters_.set_endpoints(cluster, endpoints);
  }
  /// Answers /config_dump; before there is one, nothing is known.
  using ConfigDumper = std::function<admin::Response(const admin::QueryParams&)>;
  void set_config_dump(ConfigDumper dumper) { config_dumper_ = std::move(dumper); }
  /// What readiness() says besides; nullptr: nothing.
  void set_readiness(std::function<std::vector<std::string>()> readiness) {
    more_readiness_ = std::move(readiness);
  }
  [[nodiscard]] const ListenerManager& listener_manager() const noexcept { return listeners_; }
  /// A route table that listeners name (rds); null: they are not to wait for it. Listeners that
  /// waited go on with go_on_with_listeners().
  void set_route_table(const std::string& name, std::shared_ptr<const route::RouteTable> table) {
    route_tables_.set(name, std::move(table));
  }
  void go_on_with_listeners();
  /// Those that could not be had are tried again now.
  void retry_listeners();
  /// Nothing is applied any more.
  [[nodiscard]] bool is_draining() const noexcept { return draining_; }
  /// New clusters or versions of them are on their way.
  [[nodiscard]] bool clusters_warm() const { return clusters_.is_warming(); }
  void forget_route_table(const std::string& name) { route_tables_.forget(name); }
  [[nodiscard]] bool knows_route_table(const std::string& name) const {
    return route_tables_.knows(name);
  }
  /// After prepare(), before run(): nothing is served until release_start(), however ready it is.
  void hold_start() { start_held_ = true; }
  void release_start();
  /// nullptr: no version of the cluster is in force.
  [[nodiscard]] const ClusterDirectory::Active* find_cluster(std::string_view name) const {
    return clusters_.find(name);
  }
  /// Of a cluster that is in force.
  [[nodiscard]] const std::shared_ptr<const upstream::HostSet>& hosts_of(
      upstream::ClusterId id) const {
    return cluster_manager_.hosts(id);
  }
  /// Told whenever the hosts of a cluster change. After prepare(); nullptr: nobody.
  void set_on_hosts_changed(std::function<void(upstream::ClusterId)> callback) {
    clusters_.set_on_hosts_changed(std::move(callback));
  }
  /// A large change has come: when all is quiet, what only it needed goes back to the machine.
  void on_large_change() {
    if (workers_started_) give_back_memory_soon();
  }
  /// The loop of the main thread, for those who call apply().
  [[nodiscard]] asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] stats::StatsStore& stats_store() noexcept { return stats_; }
  /// Serves until shut down. Error: the listening sockets could not be opened after all.
  Result<void> run();

  [[nodiscard]] std::shared_ptr<const config::Snapshot> snapshot() const override {
    return snapshot_;
  }
  [[nodiscard]] const stats::StatsStore& stats() const override { return stats_; }
  [[nodiscard]] admin::ServerState state() const override;
  [[nodiscard]] std::vector<std::string> readiness() const override;
  [[nodiscard]] const admin::CommandLineOptions& options() const override { return options_; }
  [[nodiscard]] std::chrono::steady_clock::duration uptime() const override;
  [[nodiscard]] std::chrono::milliseconds initialization_time() const override {
    return initialization_time_;
  }
  [[nodiscard]] std::vector<admin::ListenerView> listeners() const override;
  [[nodiscard]] std::vector<admin::ClusterView> clusters() const override;
  [[nodiscard]] admin::Response dump_config(const admin::QueryParams& params) const override;
  void quit() override;
  void drain_listeners(const admin::DrainRequest& request) override;
  void set_health_check_failed(bool failed) override;
  void reopen_logs() override { sinks_.reopen(); }

 private:
  access_log::OpenedAccessLog find_access_log(const access_log::AccessLogConfig& config) override;
  Result<void> make_workers();
  Result<void> start_admin();
  void on_clusters_ready();
  void start_if_ready();
  Result<void> start_workers();
  void on_one_warm();
  void apply_listeners();
  void retry_later(bool refused);
  /// What the listener waits for; "" = nothing.
  [[nodiscard]] std::string awaited_by(const config::ListenerConfig& listener) const;
  void give_back_memory_soon();
  void wait_for_signal();
  void begin_shutdown(std::string_view why, std::chrono::milliseconds termination);
  [[nodiscard]] std::chrono::milliseconds termination_left() const;
  void follow_application();
  Result<void> get_sockets();
  Result<void> bind();
  Result<void> take_over();
  [[nodiscard]] std::uint16_t admin_port() const;
  void serve_take_over();
  Result<std::vector<TakenSocket>> duplicate_sockets();
  void give_way(const std::string& reason);
  void hand_over(const std::vector<ListenAddress>& kept, const std::function<void()>& done);
  void go_when_empty();
  [[nodiscard]] std::uint32_t open_connections() const;

  std::shared_ptr<const config::Snapshot> snapshot_;
  admin::CommandLineOptions options_;
  const std::chrono::steady_clock::time_point started_;
  asio::io_context io_{1};
  asio::signal_set signals_{io_};
  asio::steady_timer memory_timer_{io_};
  stats::StatsStore stats_;
  access_log::AccessLogSinks sinks_;
  upstream::ClusterManager cluster_manager_;
  tcp::ConnectionLimit limit_;
  upstream::LoopGuard loop_guard_{{}};
  std::vector<std::unique_ptr<Worker>> workers_;
  ClusterDirectory clusters_;
  RouteTableDirectory route_tables_{workers_};
  OnApplied on_applied_;         // of the last apply()
  bool listeners_wait_ = false;  // some of snapshot_
  bool listeners_refused_ = false;
  bool progress_posted_ = false;
  std::chrono::seconds retry_wait_ = kFirstRetry;
  asio::steady_timer retry_timer_{io_};
  ListenerManager listeners_;
  Shutdown shutdown_;
  Application application_{io_};
  std::unique_ptr<admin::AdminServer> admin_;
  TakeOver take_over_;
  std::optional<Taken> taken_;  // until it serves
  UniqueFd taken_admin_;        // until it serves
  asio::steady_timer empty_timer_{io_};
  ConfigDumper config_dumper_;
  std::function<std::vector<std::string>()> more_readiness_;
  std::chrono::milliseconds initialization_time_{0};
  std::optional<Error> start_error_;
  bool clusters_ready_ = false;
  bool start_held_ = false;
  bool workers_started_ = false;
  std::atomic<bool> health_check_failed_{false};  // read by workers
  std::optional<std::chrono::steady_clock::time_point> health_check_failed_since_;
  bool draining_ = false;
};

}  // namespace weir::server
