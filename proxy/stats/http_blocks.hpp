// SPDX-License-Identifier: Apache-2.0
// The blocks of statistics of the HTTP connection manager and of its router, with Envoy's names.
#pragma once

#include <array>
#include <cstddef>
#include <tuple>

#include "proxy/stats/counter.hpp"
#include "proxy/stats/field.hpp"
#include "proxy/stats/histogram.hpp"

namespace weir::stats {

/// downstream_rq_1xx … downstream_rq_5xx.
struct ResponseClasses {
  std::array<Counter, 5> by_class;
  /// A status that does not exist is not counted.
  void add(unsigned status) {
    if (status >= 100 && status < 600) by_class[status / 100 - 1].add();
  }
};

/// http.<stat_prefix>.*
struct HttpConnectionManagerStats {
  Counter downstream_cx_total, downstream_cx_http1_total, downstream_cx_http2_total,
      downstream_cx_destroy, downstream_cx_destroy_local, downstream_cx_destroy_remote,
      downstream_cx_destroy_active_rq, downstream_cx_destroy_local_active_rq,
      downstream_cx_destroy_remote_active_rq, downstream_cx_protocol_error,
      downstream_cx_idle_timeout, downstream_cx_max_duration_reached,
      downstream_cx_max_requests_reached, downstream_cx_drain_close,
      downstream_cx_delayed_close_timeout, downstream_cx_overload_disable_keepalive,
      downstream_cx_upgrades_total, downstream_cx_rx_bytes_total, downstream_cx_tx_bytes_total,
      downstream_flow_control_paused_reading_total, downstream_flow_control_resumed_reading_total,
      downstream_rq_total, downstream_rq_http1_total, downstream_rq_http2_total,
      downstream_rq_completed, downstream_rq_rx_reset, downstream_rq_tx_reset,
      downstream_rq_timeout, downstream_rq_header_timeout, downstream_rq_idle_timeout,
      downstream_rq_max_duration_reached, downstream_rq_too_large, downstream_rq_non_relative_path,
      downstream_rq_ws_on_non_ws_route, downstream_rq_overload_close,
      downstream_rq_response_before_rq_complete, downstream_rq_too_many_premature_resets,
      downstream_rq_rejected_via_ip_detection, downstream_rq_failed_path_normalization,
      downstream_rq_redirected_with_normalized_path, no_route, no_cluster, rq_total,
      rq_direct_response, rq_redirect, rq_reset_after_downstream_response_started,
      rq_retry_skipped_request_not_complete, rq_overload_local_reply, rs_too_large;
  Gauge downstream_cx_active, downstream_cx_http1_active, downstream_cx_http2_active,
      downstream_cx_upgrades_active, downstream_cx_rx_bytes_buffered,
      downstream_cx_tx_bytes_buffered, downstream_rq_active;
  Histogram downstream_cx_length_ms, downstream_rq_time;
  ResponseClasses downstream_rq_xx;

  static constexpr auto fields() {
    using S = HttpConnectionManagerStats;
    return std::make_tuple(
        WEIR_STAT(downstream_cx_total), WEIR_STAT(downstream_cx_http1_total),
        WEIR_STAT(downstream_cx_http2_total), WEIR_STAT(downstream_cx_destroy),
        WEIR_STAT(downstream_cx_destroy_local), WEIR_STAT(downstream_cx_destroy_remote),
        WEIR_STAT(downstream_cx_destroy_active_rq),
        WEIR_STAT(downstream_cx_destroy_local_active_rq),
        WEIR_STAT(downstream_cx_destroy_remote_active_rq), WEIR_STAT(downstream_cx_protocol_error),
        WEIR_STAT(downstream_cx_idle_timeout), WEIR_STAT(downstream_cx_max_duration_reached),
        WEIR_STAT(downstream_cx_max_requests_reached), WEIR_STAT(downstream_cx_drain_close),
        WEIR_STAT(downstream_cx_delayed_close_timeout),
        WEIR_STAT(downstream_cx_overload_disable_keepalive),
        WEIR_STAT(downstream_cx_upgrades_total), WEIR_STAT(downstream_cx_rx_bytes_total),
        WEIR_STAT(downstream_cx_tx_bytes_total),
        WEIR_STAT(downstream_flow_control_paused_reading_total),
        WEIR_STAT(downstream_flow_control_resumed_reading_total), WEIR_STAT(downstream_rq_total),
        WEIR_STAT(downstream_rq_http1_total), WEIR_STAT(downstream_rq_http2_total),
        WEIR_STAT(downstream_rq_completed), WEIR_STAT(downstream_rq_rx_reset),
        WEIR_STAT(downstream_rq_tx_reset), WEIR_STAT(downstream_rq_timeout),
        WEIR_STAT(downstream_rq_header_timeout), WEIR_STAT(downstream_rq_idle_timeout),
        WEIR_STAT(downstream_rq_max_duration_reached), WEIR_STAT(downstream_rq_too_large),
        WEIR_STAT(downstream_rq_non_relative_path), WEIR_STAT(downstream_rq_ws_on_non_ws_route),
        WEIR_STAT(downstream_rq_overload_close),
        WEIR_STAT(downstream_rq_response_before_rq_complete),
        WEIR_STAT(downstream_rq_too_many_premature_resets),
        WEIR_STAT(downstream_rq_rejected_via_ip_detection),
        WEIR_STAT(downstream_rq_failed_path_normalization),
        WEIR_STAT(downstream_rq_redirected_with_normalized_path), WEIR_STAT(no_route),
        WEIR_STAT(no_cluster), WEIR_STAT(rq_total), WEIR_STAT(rq_direct_response),
        WEIR_STAT(rq_redirect), WEIR_STAT(rq_reset_after_downstream_response_started),
        WEIR_STAT(rq_retry_skipped_request_not_complete), WEIR_STAT(rq_overload_local_reply),
        WEIR_STAT(rs_too_large), WEIR_STAT(downstream_cx_active),
        WEIR_STAT(downstream_cx_http1_active), WEIR_STAT(downstream_cx_http2_active),
        WEIR_STAT(downstream_cx_upgrades_active), WEIR_STAT(downstream_cx_rx_bytes_buffered),
        WEIR_STAT(downstream_cx_tx_bytes_buffered), WEIR_STAT(downstream_rq_active),
        WEIR_STAT(downstream_cx_length_ms), WEIR_STAT(downstream_rq_time));
  }
};

/// listener.<address>.http.<stat_prefix>.*
struct ListenerHttpStats {
  Counter downstream_rq_completed;
  ResponseClasses downstream_rq_xx;

  static constexpr auto fields() {
    using S = ListenerHttpStats;
    return std::make_tuple(WEIR_STAT(downstream_rq_completed));
  }
};

}  // namespace weir::stats
