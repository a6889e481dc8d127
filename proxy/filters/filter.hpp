// SPDX-License-Identifier: Apache-2.0
// The small interfaces of filters. What the registry makes is configuration, shared by all workers;
// each worker makes an instance of it, with its own statistics and clusters resolved, and runs
// connections through that.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "proxy/access_log/opened_access_log.hpp"
#include "proxy/config/listener_config.hpp"
#include "proxy/filters/worker_context.hpp"
#include "proxy/http_client/cluster_pool.hpp"
#include "proxy/stats/stats_store.hpp"
#include "proxy/tcp/downstream_connection.hpp"
#include "proxy/tcp/end_reason.hpp"
#include "proxy/upstream/worker_cluster.hpp"

namespace weir::filters {

/// Resolves names once, when a worker installs a configuration. Lives as long as the configuration
/// on that worker.
class ClusterLookup {
 public:
  /// nullptr: no such cluster.
  virtual upstream::WorkerCluster* find_cluster(std::string_view name) = 0;
  /// Its HTTP connections on this worker; nullptr: no such cluster.
  virtual http_client::ClusterPool* find_pool(std::string_view name) = 0;

 protected:
  ~ClusterLookup() = default;
};

/// Finds the sink that the main thread has opened for a configured log.
class AccessLogLookup {
 public:
  virtual access_log::OpenedAccessLog find_access_log(
      const access_log::AccessLogConfig& config) = 0;

 protected:
  ~AccessLogLookup() = default;
};

struct RouteTableSlot;

/// Route tables that come and change while connections are served.
class RouteTableLookup {
 public:
  /// What the worker uses under that name, now empty or not. Never null. Main thread.
  virtual std::shared_ptr<RouteTableSlot> find_route_table(const std::string& name,
                                                           unsigned worker) = 0;

 protected:
  ~RouteTableLookup() = default;
};

struct InstanceContext {
  WorkerContext& worker;
  const config::ListenerConfig* listener;  // the one that the filter belongs to
  stats::StatsStore& stats;
  ClusterLookup& clusters;
  AccessLogLookup& access_logs;
  /// node.cluster of the bootstrap. Lives as long as the instance.
  std::string_view service_cluster = {};
  /// Set while POST /healthcheck/fail is in force; nullptr: never. Lives as long as the instance.
  const std::atomic<bool>* health_check_failed = nullptr;
  RouteTableLookup* route_tables = nullptr;  // nullptr: there are none
};

/// A terminal network filter on one worker.
class NetworkFilterInstance {
 public:
  virtual ~NetworkFilterInstance() = default;
  /// Takes the connection over, for good.
  virtual void on_connection(tcp::DownstreamConnection&& connection) = 0;

  /// Which drain its connections are part of: its filter chain has left the configuration. 0 =
  /// none.
  std::uint64_t drain_round = 0;
  /// The drain's time is over: who comes now, having been inspected until now, is too late.
  static constexpr std::uint64_t kDrainIsOver = ~std::uint64_t{0};
};

/// What the registry's parse function of a network filter returns.
class NetworkFilter : public config::NetworkFilterConfig {
 public:
  /// `context` is valid during the call; the references in `context.worker` and the clusters
  /// outlive the instance.
  [[nodiscard]] virtual std::unique_ptr<NetworkFilterInstance> instantiate(
      InstanceContext& context) const = 0;
  /// Access logs that need a sink.
  [[nodiscard]] virtual std::span<const access_log::AccessLogConfig> access_logs() const = 0;
};

/// What a listener filter makes of the bytes so far.
struct InspectVerdict {
  enum class Kind : std::uint8_t {
    proceed,    // done with this connection
    need_more,  // call again when at least `minimum` bytes are there
    reject      // close the connection; `reason` says why
  };
  Kind kind = Kind::proceed;
  std::size_t minimum = 0;
  tcp::EndReason reason = tcp::EndReason::listener_filter_rejected;
};

/// A listener filter on one worker. Keeps no state per connection: it sees the peeked bytes from
/// the start each time.
class ListenerFilterInstance {
 public:
  virtual ~ListenerFilterInstance() = default;
  /// Most bytes it will ever look at; 0 = it needs none and inspect() is called once, with an empty
  /// span.
  [[nodiscard]] virtual std::size_t max_inspect_bytes() const = 0;
  /// `end_of_stream`: the client has sent FIN (or timed out), more will not come: never answers
  /// need_more then.
  virtual InspectVerdict inspect(std::span<const std::byte> peeked, bool end_of_stream,
                                 tcp::DownstreamConnection& connection) = 0;
};

class ListenerFilter : public config::ListenerFilterConfig {
 public:
  [[nodiscard]] virtual std::unique_ptr<ListenerFilterInstance> instantiate(
      InstanceContext& context) const = 0;
  /// Asked once, before anything listens: whether the kernel lets this process do what the filter
  /// needs. Error says what is missing, and the remedy.
  [[nodiscard]] virtual Result<void> check_privileges() const { return {}; }
};

}  // namespace weir::filters
