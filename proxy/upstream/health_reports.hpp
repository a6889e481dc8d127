// SPDX-License-Identifier: Apache-2.0
// HealthReports: what the workers tell of a cluster's hosts, and the rare news that the main thread
// has to act on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

/// What became of a connect or of a request. External origin: the host answered, or failed to.
/// Local origin: it could not be reached.
enum class Outcome : std::uint8_t {
  connected,        // a request follows on the connection and is reported on its own
  connected_final,  // nothing more will be reported: tcp_proxy
  connect_failed,   // refused, unreachable, reset before it was established
  timeout,          // of the connect, of a try or of the whole request
  request_failed,   // reset, or an answer that makes no sense, on an established connection
  request_succeeded,
};

/// What ejects a host at once when it comes often enough in a row.
enum class FailureKind : std::uint8_t {
  consecutive_5xx,
  consecutive_gateway_failure,
  consecutive_local_origin_failure
};

/// One per cluster, alive as long as a HostSet refers to it. Reports come from any worker; a
/// success costs a few plain stores, a failure one atomic addition more.
class HealthReports {
 public:
  /// Run on the worker; they only post to the main thread.
  struct Callbacks {
    std::function<void(std::shared_ptr<const Host>, FailureKind)> on_streak;
    std::function<void(std::shared_ptr<const Host>)> on_immediate_failure;
  };
  /// `outlier` nullopt: outcomes are not counted. An empty callback: nobody wants to know.
  HealthReports(std::optional<config::OutlierDetectionConfig> outlier, Callbacks callbacks)
      : outlier_(std::move(outlier)), callbacks_(std::move(callbacks)) {}

  void report(const Host& host, std::size_t worker, Outcome outcome) const {
    if (outlier_) count(host, worker, outcome);
  }
  /// The status of a response; of a gRPC response the HTTP status that its grpc-status stands for.
  void report_status(const Host& host, std::size_t worker, unsigned status) const {
    if (outlier_) count_status(host, worker, status);
  }
  /// The host sent x-envoy-immediate-health-check-fail: it counts as failed until a check succeeds.
  void fail_now(const Host& host) const {
    if (callbacks_.on_immediate_failure) callbacks_.on_immediate_failure(host.shared_from_this());
  }

 private:
  void count(const Host& host, std::size_t worker, Outcome outcome) const;
  void count_status(const Host& host, std::size_t worker, unsigned status) const;
  void count_local_failure(const Host& host, std::size_t worker) const;
  void add_failure(FailureStreak& streak, std::uint32_t whole, const Host& host,
                   FailureKind kind) const;

  const std::optional<config::OutlierDetectionConfig> outlier_;
  const Callbacks callbacks_;
};

}  // namespace weir::upstream
