// SPDX-License-Identifier: Apache-2.0
// Where the body of an HTTP/1 message ends, as its head says (RFC 9112 §6.3). Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/http/header_map.hpp"
#include "proxy/http/http1/head_parser.hpp"

namespace weir::http {

/// How the body of a message ends.
enum class BodyFraming : std::uint8_t { none, length, chunked, until_close, tunnel };

/// The framing that a request's headers ask for. `length` receives the content length.
Http1Error request_framing(const HeaderMap& headers, const RequestLine& line, BodyFraming& framing,
                           std::uint64_t& length);
/// The framing of a response to a request with method `method`.
Http1Error response_framing(const HeaderMap& headers, const StatusLine& line,
                            std::string_view method, BodyFraming& framing, std::uint64_t& length);

/// A decimal number of at most 19 digits; false: anything else.
bool parse_content_length(std::string_view text, std::uint64_t& value) noexcept;

}  // namespace weir::http
