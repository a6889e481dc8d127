// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/protocol_errors.hpp"

namespace weir::filters {

ProtocolAnswer answer_to(http::Http1Error error) {
  using http::Http1Error;
  constexpr std::string_view kTooLarge = "Request Header Fields Too Large";
  switch (error) {
    case Http1Error::head_too_large:
    case Http1Error::trailers_too_large:
      return {431, kTooLarge, "http1.headers_too_large"};
    case Http1Error::too_many_headers:
      return {431, kTooLarge, "http1.too_many_headers"};
    case Http1Error::bad_transfer_encoding:
    case Http1Error::chunked_in_http_10:
      return {501, "Not Implemented", "http1.invalid_transfer_encoding"};
    case Http1Error::length_and_chunked:
      return {400, "Bad Request", "http1.content_length_and_chunked_not_allowed"};
    case Http1Error::bad_value:
      return {400, "Bad Request", "http1.invalid_characters"};
    case Http1Error::bad_target:
      return {400, "Bad Request", "http1.invalid_url"};
    case Http1Error::bad_scheme:
      return {400, "Bad Request", "http1.invalid_scheme"};
    case Http1Error::bad_authority:
      return {400, "Bad Request", "http.invalid_authority"};
    case Http1Error::underscore:
      return {400, "Bad Request", "http1.unexpected_underscore"};
    case Http1Error::bad_connection_header:
      return {400, "Bad Request", "http1.connection_header_rejected"};
    default:
      return {};
  }
}

}  // namespace weir::filters
