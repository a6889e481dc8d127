// SPDX-License-Identifier: Apache-2.0
// The heads of HTTP/1 messages, from bytes in one piece. Strict (RFC 9112); pure but for the arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/header_map.hpp"
#include "proxy/http/protocol_options.hpp"

namespace weir::http {

/// What is wrong with a head, or with the framing of a body.
enum class Http1Error : std::uint8_t {
  none,
  bad_request_line,  // not METHOD SP TARGET SP VERSION
  bad_method,        // not a known method
  bad_target,        // control characters, or no form that a target may have
  bad_version,       // not HTTP/digit.digit
  bad_status_line,   // of a response
  bad_name,          // not a token, or a blank before the colon
  bad_value,         // control characters
  bad_line_end,      // CR or LF alone
  folded,            // a line that begins with a blank (obs-fold)
  head_too_large,    // more bytes than max_request_headers_kb
  too_many_headers,
  underscore,             // headers_with_underscores_action REJECT_REQUEST
  bad_content_length,     // not a number, or several that differ
  bad_transfer_encoding,  // anything but "chunked", once
  length_and_chunked,     // content-length beside transfer-encoding
  chunked_in_http_10,     // transfer-encoding in HTTP/1.0
  bad_chunk,              // of a chunked body
  trailers_too_large,
  bad_connection_header,  // nominates a header that it must not (Host, X-Forwarded-For …)
  bad_scheme,             // of an absolute-form target
  bad_authority,          // Host, or the target's
  count_,
};
/// Words for the log.
std::string_view describe(Http1Error error) noexcept;

enum class HeadStatus : std::uint8_t { complete, incomplete, failed };

struct HeadResult {
  HeadStatus status = HeadStatus::incomplete;
  Http1Error error = Http1Error::none;  // failed
  std::size_t consumed = 0;             // complete: bytes of the head, with the empty line
};

struct HeadLimits {
  std::size_t bytes = 60 * 1024;
  std::uint32_t headers = 100;
  HttpOptions::Underscores underscores = HttpOptions::Underscores::allow;
  bool absolute_targets = true;  // false: http://… is a path, and Host counts
};

/// What the first line and the headers say about the message as such.
struct RequestLine {
  std::uint8_t minor_version = 1;  // 0: any version but 1.1
  bool absolute = false;           // the target was http://… ; :scheme and :authority are from it
  std::uint32_t dropped_underscores = 0;
};
struct StatusLine {
  std::uint16_t status = 0;
  std::uint8_t minor_version = 1;
};

/// Reads a request's head into `out`: :authority, :path, :method, :scheme first, then the headers
/// in order with names in lower case; Host has become :authority. `bytes` begins with the head; the
/// texts are copied into the arena. `incomplete` leaves `out` half filled: clear() before the next
/// try. More bytes than the limit fail, complete or not.
HeadResult parse_request_head(std::string_view bytes, const HeadLimits& limits, HeaderMap& out,
                              RequestLine& line);

/// The same for a response: :status first.
HeadResult parse_response_head(std::string_view bytes, const HeadLimits& limits, HeaderMap& out,
                               StatusLine& line);

/// Trailers: header lines up to an empty line. Pseudo-headers and framing headers are left out.
HeadResult parse_trailers(std::string_view bytes, const HeadLimits& limits, HeaderMap& out);

/// True when another try at a head of `bytes` can have a new result although it was `incomplete`
/// when only the first `seen` bytes were there: a line end that decides something has arrived.
/// Spares parsing a head that arrives byte by byte again for each of them.
bool worth_parsing(std::string_view bytes, std::size_t seen) noexcept;

/// `text` holds `word` as an element of its comma-separated list, in any case.
bool has_token(std::string_view text, std::string_view word) noexcept;
bool equals_ignoring_case(std::string_view text, std::string_view lower) noexcept;

}  // namespace weir::http
