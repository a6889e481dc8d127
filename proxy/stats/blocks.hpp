// SPDX-License-Identifier: Apache-2.0
// The blocks of statistics that a worker writes, with Envoy's names. One block per scope and
// worker.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>

#include "proxy/stats/cluster_blocks.hpp"
#include "proxy/stats/counter.hpp"
#include "proxy/stats/field.hpp"
#include "proxy/stats/http_blocks.hpp"
#include "proxy/tcp/end_reason.hpp"

namespace weir::stats {

/// listener.<address>.*
struct ListenerStats {
  Counter downstream_cx_total, downstream_cx_destroy, downstream_cx_overflow,
      downstream_global_cx_overflow, downstream_cx_overload_reject, downstream_pre_cx_timeout,
      downstream_listener_filter_remote_close, downstream_listener_filter_error,
      no_filter_chain_match;
  Gauge downstream_cx_active, downstream_pre_cx_active;

  static constexpr auto fields() {
    using S = ListenerStats;
    return std::make_tuple(
        Field{"downstream_cx_total", &S::downstream_cx_total},
        Field{"downstream_cx_destroy", &S::downstream_cx_destroy},
        Field{"downstream_cx_overflow", &S::downstream_cx_overflow},
        Field{"downstream_global_cx_overflow", &S::downstream_global_cx_overflow},
        Field{"downstream_cx_overload_reject", &S::downstream_cx_overload_reject},
        Field{"downstream_pre_cx_timeout", &S::downstream_pre_cx_timeout},
        Field{"downstream_listener_filter_remote_close",
              &S::downstream_listener_filter_remote_close},
        Field{"downstream_listener_filter_error", &S::downstream_listener_filter_error},
        Field{"no_filter_chain_match", &S::no_filter_chain_match},
        Field{"downstream_cx_active", &S::downstream_cx_active},
        Field{"downstream_pre_cx_active", &S::downstream_pre_cx_active});
  }
};

/// tcp.<stat_prefix>.*
struct TcpProxyStats {
  Counter downstream_cx_total, downstream_cx_no_route, downstream_cx_rx_bytes_total,
      downstream_cx_tx_bytes_total, downstream_flow_control_paused_reading_total,
      downstream_flow_control_resumed_reading_total, idle_timeout,
      max_downstream_connection_duration, upstream_flush_total;
  Gauge downstream_cx_rx_bytes_buffered, downstream_cx_tx_bytes_buffered, upstream_flush_active;

  static constexpr auto fields() {
    using S = TcpProxyStats;
    return std::make_tuple(
        Field{"downstream_cx_total", &S::downstream_cx_total},
        Field{"downstream_cx_no_route", &S::downstream_cx_no_route},
        Field{"downstream_cx_rx_bytes_total", &S::downstream_cx_rx_bytes_total},
        Field{"downstream_cx_tx_bytes_total", &S::downstream_cx_tx_bytes_total},
        Field{"downstream_flow_control_paused_reading_total",
              &S::downstream_flow_control_paused_reading_total},
        Field{"downstream_flow_control_resumed_reading_total",
              &S::downstream_flow_control_resumed_reading_total},
        Field{"idle_timeout", &S::idle_timeout},
        Field{"max_downstream_connection_duration", &S::max_downstream_connection_duration},
        Field{"upstream_flush_total", &S::upstream_flush_total},
        Field{"downstream_cx_rx_bytes_buffered", &S::downstream_cx_rx_bytes_buffered},
        Field{"downstream_cx_tx_bytes_buffered", &S::downstream_cx_tx_bytes_buffered},
        Field{"upstream_flush_active", &S::upstream_flush_active});
  }
};

/// tls_inspector.* (one block per worker, no scope)
struct TlsInspectorStats {
  Counter client_hello_too_large, tls_found, tls_not_found, alpn_found, alpn_not_found, sni_found,
      sni_not_found;

  static constexpr auto fields() {
    using S = TlsInspectorStats;
    return std::make_tuple(
        Field{"client_hello_too_large", &S::client_hello_too_large},
        Field{"tls_found", &S::tls_found}, Field{"tls_not_found", &S::tls_not_found},
        Field{"alpn_found", &S::alpn_found}, Field{"alpn_not_found", &S::alpn_not_found},
        Field{"sni_found", &S::sni_found}, Field{"sni_not_found", &S::sni_not_found});
  }
};

/// http_inspector.* (one block per worker, no scope)
struct HttpInspectorStats {
  Counter read_error, http10_found, http11_found, http2_found, http_not_found;

  static constexpr auto fields() {
    using S = HttpInspectorStats;
    return std::make_tuple(WEIR_STAT(read_error), WEIR_STAT(http10_found), WEIR_STAT(http11_found),
                           WEIR_STAT(http2_found), WEIR_STAT(http_not_found));
  }
};

/// weir.connection_end.<reason>: how many connections ended for each reason of ours (one block per
/// worker).
struct EndReasonStats {
  std::array<Counter, tcp::kEndReasonCount> by_reason;
};

}  // namespace weir::stats
