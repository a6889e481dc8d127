// SPDX-License-Identifier: Apache-2.0
// OpenedAccessLog: a configured access log together with the sink that the main thread has opened
// for it.
#pragma once

#include <memory>

#include "proxy/access_log/format.hpp"
#include "proxy/access_log/record_filter.hpp"
#include "proxy/access_log/sink.hpp"

namespace weir::access_log {

/// `sink` outlives every worker.
struct OpenedAccessLog {
  std::shared_ptr<const Format> format;
  AccessLogSink* sink = nullptr;
  std::shared_ptr<const RecordFilter> filter;  // null: every record is written

  [[nodiscard]] bool wants(const Record& record) const {
    return sink != nullptr && (filter == nullptr || filter->matches(record));
  }
};

}  // namespace weir::access_log
