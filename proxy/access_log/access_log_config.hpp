// SPDX-License-Identifier: Apache-2.0
// One configured access log: where lines go and how they look.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace weir::access_log {

class Format;         // format.hpp
struct RecordFilter;  // record_filter.hpp

/// FileAccessLog, StdoutAccessLog or StderrAccessLog after parsing.
struct AccessLogConfig {
  enum class Sink : std::uint8_t { file, standard_output, standard_error };
  Sink sink = Sink::file;
  std::string path;  // Sink::file
  std::shared_ptr<const Format> format;
  std::shared_ptr<const RecordFilter> filter;  // null: every connection is recorded
};

}  // namespace weir::access_log
