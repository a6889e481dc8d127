// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/session_core.hpp"

#include "proxy/filters/connection_end.hpp"

namespace weir::filters {

SessionCore::SessionCore(tcp::DownstreamConnection&& connection)
    : slot(std::move(connection.slot)),
      listener(std::move(*connection.listener)),
      socket(std::move(connection.socket)),
      accepted(connection.accepted),
      start(connection.start) {
  facts.peer = connection.peer;
  facts.destination = connection.destination;
  facts.restored = connection.restored;
  facts.id = connection.id;
  facts.chain = connection.filter_chain;
  facts.listener = &*listener;
  if (connection.inspection == nullptr && !connection.loop_origin && !connection.keep_source)
    return;
  rare = std::make_unique<Rare>();
  rare->inspection = std::move(connection.inspection);
  rare->loop_origin = connection.loop_origin;
  rare->keep_source = connection.keep_source;
  if (rare->inspection != nullptr) facts.server_name = rare->inspection->server_name;
  if (rare->loop_origin) facts.loop_origin = &*rare->loop_origin;
  if (rare->keep_source) facts.keep_source = &*rare->keep_source;
}

void SessionCore::report(HcmInstance& hcm, tcp::EndReason reason, std::uint64_t received,
                         std::uint64_t sent) const {
  auto& stats = *hcm.stats;
  const auto now = hcm.worker->loop.now();
  stats.downstream_cx_active.sub();
  stats.downstream_cx_destroy.add();
  (is_remote(reason) ? stats.downstream_cx_destroy_remote : stats.downstream_cx_destroy_local)
      .add();
  stats.downstream_cx_length_ms.record(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now - accepted).count()));
  access_log::Record record;
  record.start = start;
  record.duration = std::chrono::duration_cast<std::chrono::milliseconds>(now - accepted);
  record.connection_id = facts.id;
  record.bytes_received = received;
  record.bytes_sent = sent;
  record.downstream_remote = facts.peer;
  record.downstream_local = facts.destination;
  record.requested_server_name = facts.server_name;
  record.listener_name = listener->config->name;
  if (facts.chain != nullptr) record.filter_chain_name = facts.chain->name;
  report_end(*hcm.worker, reason, record, listener->access_logs, {});
}

bool is_remote(tcp::EndReason reason) noexcept {
  return reason == tcp::EndReason::finished || reason == tcp::EndReason::downstream_reset;
}

}  // namespace weir::filters
