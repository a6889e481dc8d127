// SPDX-License-Identifier: Apache-2.0
// The blocks of statistics of the HTTP codecs, with Envoy's names.
#pragma once

#include <tuple>

#include "proxy/stats/counter.hpp"
#include "proxy/stats/field.hpp"

namespace weir::stats {

/// http1.* of clients' connections, cluster.<name>.http1.*
struct Http1CodecStats {
  Counter dropped_headers_with_underscores, metadata_not_supported_error,
      requests_rejected_with_underscores_in_headers, response_flood;

  static constexpr auto fields() {
    using S = Http1CodecStats;
    return std::make_tuple(
        WEIR_STAT(dropped_headers_with_underscores), WEIR_STAT(metadata_not_supported_error),
        WEIR_STAT(requests_rejected_with_underscores_in_headers), WEIR_STAT(response_flood));
  }
};

/// http2.* of clients' connections, cluster.<name>.http2.*
struct Http2CodecStats {
  Counter cookies_total_bytes_too_large, dropped_headers_with_underscores, goaway_sent,
      header_list_size_too_large, header_overflow, headers_cb_no_stream, inbound_empty_frames_flood,
      inbound_priority_frames_flood, inbound_window_update_frames_flood, keepalive_timeout,
      metadata_empty_frames, outbound_control_flood, outbound_flood,
      requests_rejected_with_underscores_in_headers, rx_messaging_error, rx_reset,
      stream_refused_errors, trailers, tx_flush_timeout, tx_reset;
  Gauge deferred_stream_close, outbound_control_frames_active, outbound_frames_active,
      pending_send_bytes, streams_active;

  static constexpr auto fields() {
    using S = Http2CodecStats;
    return std::make_tuple(
        WEIR_STAT(cookies_total_bytes_too_large), WEIR_STAT(dropped_headers_with_underscores),
        WEIR_STAT(goaway_sent), WEIR_STAT(header_list_size_too_large), WEIR_STAT(header_overflow),
        WEIR_STAT(headers_cb_no_stream), WEIR_STAT(inbound_empty_frames_flood),
        WEIR_STAT(inbound_priority_frames_flood), WEIR_STAT(inbound_window_update_frames_flood),
        WEIR_STAT(keepalive_timeout), WEIR_STAT(metadata_empty_frames),
        WEIR_STAT(outbound_control_flood), WEIR_STAT(outbound_flood),
        WEIR_STAT(requests_rejected_with_underscores_in_headers), WEIR_STAT(rx_messaging_error),
        WEIR_STAT(rx_reset), WEIR_STAT(stream_refused_errors), WEIR_STAT(trailers),
        WEIR_STAT(tx_flush_timeout), WEIR_STAT(tx_reset), WEIR_STAT(deferred_stream_close),
        WEIR_STAT(outbound_control_frames_active), WEIR_STAT(outbound_frames_active),
        WEIR_STAT(pending_send_bytes), WEIR_STAT(streams_active));
  }
};

}  // namespace weir::stats
