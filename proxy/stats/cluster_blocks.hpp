// SPDX-License-Identifier: Apache-2.0
// The blocks of statistics of clusters and their hosts that a worker writes, with Envoy's names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "proxy/stats/codec_blocks.hpp"
#include "proxy/stats/counter.hpp"
#include "proxy/stats/field.hpp"
#include "proxy/stats/histogram.hpp"
#include "proxy/stats/lazy_block.hpp"
#include "proxy/stats/status_codes.hpp"

namespace weir::stats {

/// Index of what there is one of per routing priority.
enum Priority : std::size_t { kDefaultPriority, kHighPriority, kPriorities };

/// Whose request a response belongs to: of a client inside or outside (x-envoy-internal), or a try
/// that is going to be made again.
enum class ResponseOrigin : std::uint8_t { internal, external, retry };

/// cluster.<name>.*: what only requests write. By priority: what the circuit breakers look at.
/// upstream_rq_completed, upstream_rq_<status> and upstream_rq_<n>xx come from `codes`, those
/// without a prefix and upstream_rq_time are the sum of internal and external.
struct ClusterRequestStats {
  Counter upstream_rq_total, upstream_rq_cancelled, upstream_rq_maintenance_mode,
      upstream_rq_max_duration_reached, upstream_rq_pending_total, upstream_rq_pending_overflow,
      upstream_rq_pending_failure_eject, upstream_rq_active_overflow, upstream_rq_timeout,
      upstream_rq_per_try_timeout, upstream_rq_per_try_idle_timeout, upstream_rq_rx_reset,
      upstream_rq_rx_reset_no_error, upstream_rq_tx_reset, upstream_rq_retry,
      upstream_rq_retry_success, upstream_rq_retry_limit_exceeded, upstream_rq_retry_overflow,
      upstream_rq_retry_backoff_exponential, upstream_rq_retry_backoff_ratelimited,
      retry_or_shadow_abandoned, upstream_flow_control_paused_reading_total,
      upstream_flow_control_resumed_reading_total, upstream_flow_control_backed_up_total,
      upstream_flow_control_drained_total, upstream_internal_redirect_succeeded_total,
      upstream_internal_redirect_failed_total;
  Histogram upstream_rq_per_cx;
  std::array<Gauge, kPriorities> upstream_rq_active, upstream_rq_pending_active;
  // Not shown by themselves, only what the circuit breakers make of them.
  std::array<Gauge, kPriorities> retries_active;
  std::array<Gauge, kPriorities> connections;  // of pools; those of default need not be counted
  std::array<Gauge, kPriorities> pools_full;   // pools that are refused another connection now
  std::array<StatusCodes, 3> codes;            // by ResponseOrigin
  std::array<Histogram, 2> upstream_rq_time;   // internal, external

  /// A response of the upstream, or one of ours instead of it.
  void count_response(ResponseOrigin origin, unsigned status) {
    codes[static_cast<std::size_t>(origin)].add(status);
  }
  /// Milliseconds from the request's last byte to the response's last byte.
  void record_time(ResponseOrigin origin, std::uint64_t milliseconds) {
    upstream_rq_time[static_cast<std::size_t>(origin)].record(milliseconds);
  }

  static constexpr auto fields() {
    using S = ClusterRequestStats;
    return std::make_tuple(
        WEIR_STAT(upstream_rq_total), WEIR_STAT(upstream_rq_cancelled),
        WEIR_STAT(upstream_rq_maintenance_mode), WEIR_STAT(upstream_rq_max_duration_reached),
        WEIR_STAT(upstream_rq_pending_total), WEIR_STAT(upstream_rq_pending_overflow),
        WEIR_STAT(upstream_rq_pending_failure_eject), WEIR_STAT(upstream_rq_active_overflow),
        WEIR_STAT(upstream_rq_timeout), WEIR_STAT(upstream_rq_per_try_timeout),
        WEIR_STAT(upstream_rq_per_try_idle_timeout), WEIR_STAT(upstream_rq_rx_reset),
        WEIR_STAT(upstream_rq_rx_reset_no_error), WEIR_STAT(upstream_rq_tx_reset),
        WEIR_STAT(upstream_rq_retry), WEIR_STAT(upstream_rq_retry_success),
        WEIR_STAT(upstream_rq_retry_limit_exceeded), WEIR_STAT(upstream_rq_retry_overflow),
        WEIR_STAT(upstream_rq_retry_backoff_exponential),
        WEIR_STAT(upstream_rq_retry_backoff_ratelimited), WEIR_STAT(retry_or_shadow_abandoned),
        WEIR_STAT(upstream_flow_control_paused_reading_total),
        WEIR_STAT(upstream_flow_control_resumed_reading_total),
        WEIR_STAT(upstream_flow_control_backed_up_total),
        WEIR_STAT(upstream_flow_control_drained_total),
        WEIR_STAT(upstream_internal_redirect_succeeded_total),
        WEIR_STAT(upstream_internal_redirect_failed_total), WEIR_STAT(upstream_rq_per_cx));
  }
};

/// cluster.<name>.*
struct ClusterStats {
  Counter upstream_cx_total, upstream_cx_http1_total, upstream_cx_http2_total,
      upstream_cx_connect_fail, upstream_cx_connect_timeout, upstream_cx_connect_attempts_exceeded,
      upstream_cx_idle_timeout, upstream_cx_max_duration_reached, upstream_cx_max_requests,
      upstream_cx_protocol_error, upstream_cx_close_notify, upstream_cx_destroy,
      upstream_cx_destroy_local, upstream_cx_destroy_remote, upstream_cx_destroy_with_active_rq,
      upstream_cx_destroy_local_with_active_rq, upstream_cx_destroy_remote_with_active_rq,
      upstream_cx_none_healthy, upstream_cx_overflow, upstream_cx_pool_overflow,
      upstream_cx_rx_bytes_total, upstream_cx_tx_bytes_total, lb_healthy_panic, bind_errors,
      original_dst_host_invalid;
  Gauge upstream_cx_active, upstream_cx_rx_bytes_buffered, upstream_cx_tx_bytes_buffered;
  Histogram upstream_cx_connect_ms, upstream_cx_length_ms;
  LazyBlock<ClusterRequestStats> requests;  // in the memory of clusters that get requests
  LazyBlock<Http1CodecStats> http1;         // shown once there was such a connection
  LazyBlock<Http2CodecStats> http2;

  static constexpr auto fields() {
    using S = ClusterStats;
    return std::make_tuple(
        WEIR_STAT(upstream_cx_total), WEIR_STAT(upstream_cx_http1_total),
        WEIR_STAT(upstream_cx_http2_total), WEIR_STAT(upstream_cx_connect_fail),
        WEIR_STAT(upstream_cx_connect_timeout), WEIR_STAT(upstream_cx_connect_attempts_exceeded),
        WEIR_STAT(upstream_cx_idle_timeout), WEIR_STAT(upstream_cx_max_duration_reached),
        WEIR_STAT(upstream_cx_max_requests), WEIR_STAT(upstream_cx_protocol_error),
        WEIR_STAT(upstream_cx_close_notify), WEIR_STAT(upstream_cx_destroy),
        WEIR_STAT(upstream_cx_destroy_local), WEIR_STAT(upstream_cx_destroy_remote),
        WEIR_STAT(upstream_cx_destroy_with_active_rq),
        WEIR_STAT(upstream_cx_destroy_local_with_active_rq),
        WEIR_STAT(upstream_cx_destroy_remote_with_active_rq), WEIR_STAT(upstream_cx_none_healthy),
        WEIR_STAT(upstream_cx_overflow), WEIR_STAT(upstream_cx_pool_overflow),
        WEIR_STAT(upstream_cx_rx_bytes_total), WEIR_STAT(upstream_cx_tx_bytes_total),
        WEIR_STAT(lb_healthy_panic), WEIR_STAT(bind_errors), WEIR_STAT(original_dst_host_invalid),
        WEIR_STAT(upstream_cx_active), WEIR_STAT(upstream_cx_rx_bytes_buffered),
        WEIR_STAT(upstream_cx_tx_bytes_buffered), WEIR_STAT(upstream_cx_connect_ms),
        WEIR_STAT(upstream_cx_length_ms));
  }
};

/// In the memory of workers that use the cluster.
using LazyClusterStats = LazyBlock<AlignedBlock<ClusterStats>>;

/// cluster.<name>.health_check.*; shown for clusters that are checked.
struct HealthCheckStats {
  Counter attempt, success, failure, passive_failure, network_failure, verify_cluster;
  Gauge healthy, degraded;

  static constexpr auto fields() {
    using S = HealthCheckStats;
    return std::make_tuple(WEIR_STAT(attempt), WEIR_STAT(success), WEIR_STAT(failure),
                           WEIR_STAT(passive_failure), WEIR_STAT(network_failure),
                           WEIR_STAT(verify_cluster), WEIR_STAT(healthy), WEIR_STAT(degraded));
  }
};

/// cluster.<name>.outlier_detection.*; shown for clusters that have it.
struct OutlierDetectionStats {
  Counter ejections_enforced_total, ejections_overflow, ejections_detected_consecutive_5xx,
      ejections_enforced_consecutive_5xx, ejections_detected_consecutive_gateway_failure,
      ejections_enforced_consecutive_gateway_failure,
      ejections_detected_consecutive_local_origin_failure,
      ejections_enforced_consecutive_local_origin_failure, ejections_detected_success_rate,
      ejections_enforced_success_rate, ejections_detected_local_origin_success_rate,
      ejections_enforced_local_origin_success_rate, ejections_detected_failure_percentage,
      ejections_enforced_failure_percentage, ejections_detected_local_origin_failure_percentage,
      ejections_enforced_local_origin_failure_percentage;
  Gauge ejections_active;

  static constexpr auto fields() {
    using S = OutlierDetectionStats;
    return std::make_tuple(
        WEIR_STAT(ejections_enforced_total), WEIR_STAT(ejections_overflow),
        WEIR_STAT(ejections_detected_consecutive_5xx),
        WEIR_STAT(ejections_enforced_consecutive_5xx),
        WEIR_STAT(ejections_detected_consecutive_gateway_failure),
        WEIR_STAT(ejections_enforced_consecutive_gateway_failure),
        WEIR_STAT(ejections_detected_consecutive_local_origin_failure),
        WEIR_STAT(ejections_enforced_consecutive_local_origin_failure),
        WEIR_STAT(ejections_detected_success_rate), WEIR_STAT(ejections_enforced_success_rate),
        WEIR_STAT(ejections_detected_local_origin_success_rate),
        WEIR_STAT(ejections_enforced_local_origin_success_rate),
        WEIR_STAT(ejections_detected_failure_percentage),
        WEIR_STAT(ejections_enforced_failure_percentage),
        WEIR_STAT(ejections_detected_local_origin_failure_percentage),
        WEIR_STAT(ejections_enforced_local_origin_failure_percentage), WEIR_STAT(ejections_active));
  }
};

/// One host of a cluster as one worker sees it (`/clusters`). On a cache line of its own: the
/// workers' blocks of one host stand side by side.
struct alignas(64) HostStats {
  Counter cx_total, cx_connect_fail, rq_total, rq_success, rq_error, rq_timeout;
  Gauge cx_active, rq_active;
};

}  // namespace weir::stats
