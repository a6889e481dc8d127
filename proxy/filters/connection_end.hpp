// SPDX-License-Identifier: Apache-2.0
// The one place where a connection's end is told: counter, log line, access logs.
#pragma once

#include <span>

#include "proxy/access_log/record.hpp"
#include "proxy/filters/filter.hpp"

namespace weir::filters {

/// Counts the reason and, when the end was our doing, writes one log line with original
/// destination, chain and reason. Then renders `record` for every log. Fills the record's flags and
/// termination details from `reason`, keeping flags that are set already.
void report_end(WorkerContext& worker, tcp::EndReason reason, access_log::Record& record,
                std::span<const access_log::OpenedAccessLog> listener_logs,
                std::span<const access_log::OpenedAccessLog> filter_logs);

/// What a record can say before any upstream was chosen. Views borrow from `connection`.
access_log::Record record_of(const tcp::DownstreamConnection& connection,
                             std::chrono::steady_clock::time_point now);

}  // namespace weir::filters
