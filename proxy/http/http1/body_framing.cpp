// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http1/body_framing.hpp"

namespace weir::http {

bool parse_content_length(std::string_view text, std::uint64_t& value) noexcept {
  if (text.empty() || text.size() > 19) return false;
  std::uint64_t sum = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    sum = sum * 10 + static_cast<std::uint64_t>(c - '0');
  }
  value = sum;
  return true;
}

namespace {

Http1Error read_length(const HeaderMap& headers, std::uint64_t& length) {
  const HeaderField* const first = headers.find(HeaderId::content_length);
  if (!parse_content_length(first->value, length)) return Http1Error::bad_content_length;
  for (const HeaderField& field : headers.fields())
    if (field.id == HeaderId::content_length && &field != first)
      return Http1Error::bad_content_length;
  return Http1Error::none;
}

Http1Error check_chunked(const HeaderMap& headers, std::uint8_t minor_version) {
  const HeaderField* const first = headers.find(HeaderId::transfer_encoding);
  if (headers.has(HeaderId::content_length)) return Http1Error::length_and_chunked;
  if (minor_version == 0) return Http1Error::chunked_in_http_10;
  if (!equals_ignoring_case(first->value, "chunked")) return Http1Error::bad_transfer_encoding;
  for (const HeaderField& field : headers.fields())
    if (field.id == HeaderId::transfer_encoding && &field != first)
      return Http1Error::bad_transfer_encoding;
  return Http1Error::none;
}

}  // namespace

Http1Error request_framing(const HeaderMap& headers, const RequestLine& line, BodyFraming& framing,
                           std::uint64_t& length) {
  framing = BodyFraming::none;
  length = 0;
  if (headers.has(HeaderId::transfer_encoding)) {
    framing = BodyFraming::chunked;
    return check_chunked(headers, line.minor_version);
  }
  if (!headers.has(HeaderId::content_length)) return Http1Error::none;
  const Http1Error error = read_length(headers, length);
  if (length > 0) framing = BodyFraming::length;
  return error;
}

Http1Error response_framing(const HeaderMap& headers, const StatusLine& line,
                            std::string_view method, BodyFraming& framing, std::uint64_t& length) {
  framing = BodyFraming::none;
  length = 0;
  const bool chunked = headers.has(HeaderId::transfer_encoding);
  const bool counted = headers.has(HeaderId::content_length);
  // What cannot have a body has none, whatever the headers say (RFC 9112 §6.3); but the two
  // together are never right.
  if (chunked && counted) return Http1Error::length_and_chunked;
  Http1Error error = chunked   ? check_chunked(headers, line.minor_version)
                     : counted ? read_length(headers, length)
                               : Http1Error::none;
  const bool none = line.status < 200 || line.status == 204;
  // These say nothing of another message's body: what is announced here would be one.
  if (error == Http1Error::none && none && (chunked || length > 0))
    error = Http1Error::bad_transfer_encoding;
  if (none || line.status == 304 || method == "HEAD") return error;
  if (chunked) {
    framing = BodyFraming::chunked;
    return error;
  }
  if (!counted) {
    framing = BodyFraming::until_close;
    return Http1Error::none;
  }
  if (length > 0) framing = BodyFraming::length;
  return error;
}

}  // namespace weir::http
