// SPDX-License-Identifier: Apache-2.0
// Escaping of values that a peer may have chosen, so that they cannot forge or break a log line.
#pragma once

#include <string>
#include <string_view>

namespace weir::access_log {

/// Control characters, '"', '\' and bytes past 0x7e as \xNN (lower-case hex).
void append_escaped_text(std::string_view value, std::string& out);
/// The inside of a JSON string (RFC 8259 §7); bytes that are not UTF-8 become U+FFFD.
void append_escaped_json(std::string_view value, std::string& out);

}  // namespace weir::access_log
