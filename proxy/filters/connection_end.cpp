// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/connection_end.hpp"

#include "common/log.hpp"

namespace weir::filters {
namespace {

void log_end(WorkerContext& worker, const tcp::EndReasonInfo& info,
             const access_log::Record& record) {
  if (!log::enabled(log::Component::connection, log::Level::info)) return;
  const int held_back = worker.end_log_limit.admit(worker.loop.now());
  if (held_back < 0) return;
  log::info(log::Component::connection,
            "ended [C{}] {} -> {}: {} ({}); listener '{}', chain '{}', cluster '{}'{}{}",
            record.connection_id, record.downstream_remote.to_string(),
            record.downstream_local ? record.downstream_local->to_string() : "-", info.details,
            record.flags.to_string(), record.listener_name, record.filter_chain_name,
            record.upstream_cluster, record.upstream_transport_failure_reason.empty() ? "" : ": ",
            record.upstream_transport_failure_reason);
  if (held_back > 0)
    log::info(log::Component::connection,
              "{} more connections ended meanwhile; weir.connection_end.* counts them", held_back);
}

void render_all(WorkerContext& worker, const access_log::Record& record,
                std::span<const access_log::OpenedAccessLog> logs) {
  for (const access_log::OpenedAccessLog& log : logs)
    if (log.wants(record)) log.format->render(record, worker.access_logs.lines_for(*log.sink));
}

}  // namespace

std::string& AccessLogBatch::lines_for(access_log::AccessLogSink& sink) {
  for (auto& [known, lines] : pending_)
    if (known == &sink) return lines;
  return pending_.emplace_back(&sink, std::string()).second;
}

void AccessLogBatch::flush() {
  for (auto& [sink, lines] : pending_) {
    if (lines.empty()) continue;
    sink->append(lines);
    lines.clear();  // keeps its memory: the next turn's lines need as much
  }
}

int EndLogLimit::admit(std::chrono::steady_clock::time_point now) noexcept {
  if (now - second_ >= std::chrono::seconds{1}) {
    second_ = now;
    lines_ = 0;
  }
  if (lines_ >= kLinesPerSecond) {
    ++held_back_;
    return -1;
  }
  ++lines_;
  return std::exchange(held_back_, 0);
}

void report_end(WorkerContext& worker, tcp::EndReason reason, access_log::Record& record,
                std::span<const access_log::OpenedAccessLog> listener_logs,
                std::span<const access_log::OpenedAccessLog> filter_logs) {
  worker.end_reasons.by_reason[static_cast<std::size_t>(reason)].add();
  const tcp::EndReasonInfo& info = tcp::describe(reason);
  record.flags.bits |= tcp::response_flags(reason).bits;
  if (info.ours) {
    record.connection_termination_details = info.details;
    log_end(worker, info, record);
  }
  render_all(worker, record, listener_logs);
  render_all(worker, record, filter_logs);
}

access_log::Record record_of(const tcp::DownstreamConnection& connection,
                             std::chrono::steady_clock::time_point now) {
  access_log::Record record;
  record.start = connection.start;
  record.duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(now - connection.accepted);
  record.connection_id = connection.id;
  record.downstream_remote = connection.peer;
  record.downstream_local = connection.destination;
  record.requested_server_name = connection.server_name();
  if (connection.listener) record.listener_name = (*connection.listener)->config->name;
  if (connection.filter_chain != nullptr) record.filter_chain_name = connection.filter_chain->name;
  return record;
}

}  // namespace weir::filters
