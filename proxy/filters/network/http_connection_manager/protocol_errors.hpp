// SPDX-License-Identifier: Apache-2.0
// How a client hears that its HTTP/1 is not right.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http/http1/head_parser.hpp"

namespace weir::filters {

/// Envoy's: the status, its text as the body, %RESPONSE_CODE_DETAILS%. The connection is closed.
struct ProtocolAnswer {
  std::uint16_t status = 400;
  std::string_view body = "Bad Request";
  std::string_view details = "http1.codec_error";
};
ProtocolAnswer answer_to(http::Http1Error error);

}  // namespace weir::filters
