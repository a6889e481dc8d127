// SPDX-License-Identifier: Apache-2.0
// Escaping of values that a peer may have chosen, so that they cannot forge or break a log line.
// JSON is escaped by common/json_writer.hpp.
#pragma once

#include <string>
#include <string_view>

namespace weir::access_log {

/// Control characters, '"', '\' and bytes past 0x7e as \xNN (lower-case hex).
void append_escaped_text(std::string_view value, std::string& out);

}  // namespace weir::access_log
