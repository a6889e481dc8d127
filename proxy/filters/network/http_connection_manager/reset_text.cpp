// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/reset_text.hpp"

namespace weir::filters {

using access_log::ResponseFlag;
using http_client::ResetReason;

ResetText reset_text(ResetReason reason) {
  switch (reason) {
    case ResetReason::connect_failed:
      return {"remote connection failure", ResponseFlag::upstream_connection_failure, 503};
    case ResetReason::connect_timeout:
      return {"connection timeout", ResponseFlag::upstream_connection_failure, 503};
    case ResetReason::connection_terminated:
      return {"connection termination", ResponseFlag::upstream_connection_termination, 503};
    case ResetReason::remote_reset:
      return {"remote reset", ResponseFlag::upstream_remote_reset, 503};
    case ResetReason::refused_stream:
    case ResetReason::not_sent:
      return {"remote refused stream reset", ResponseFlag::upstream_remote_reset, 503};
    case ResetReason::local_reset:
      return {"local reset", ResponseFlag::local_reset, 503};
    case ResetReason::overflow:
      return {"overflow", ResponseFlag::upstream_overflow, 503};
    case ResetReason::protocol_error:
      return {"protocol error", ResponseFlag::upstream_protocol_error, 502};
  }
  return {"", ResponseFlag::local_reset, 503};
}

std::string reset_body(const ResetText& text, bool retried) {
  std::string body = "upstream connect error or disconnect/reset before headers. ";
  body += retried ? "retried and the latest reset reason: " : "reset reason: ";
  body += text.words;
  return body;
}

}  // namespace weir::filters
