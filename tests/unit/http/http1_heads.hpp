// SPDX-License-Identifier: Apache-2.0
// Heads of HTTP/1 parsed and written down as one text, for tables of tests.
#pragma once

#include <string>
#include <string_view>

#include "proxy/http/http1/head_parser.hpp"

namespace weir::http {

/// "name=value;" for each field that is there.
inline std::string fields_text(const HeaderMap& headers) {
  std::string text;
  for (const HeaderField& field : headers.fields()) {
    if (field.removed()) continue;
    text.append(field.name).append("=").append(field.value).append(";");
  }
  return text;
}

/// "fields" of a complete head and " +N" when N bytes follow it; "incomplete"; or what is wrong.
inline std::string outcome(const HeadResult& result, std::string_view bytes,
                           const HeaderMap& headers) {
  if (result.status == HeadStatus::incomplete) return "incomplete";
  if (result.status == HeadStatus::failed) return std::string(describe(result.error));
  const std::size_t rest = bytes.size() - result.consumed;
  return fields_text(headers) + (rest == 0 ? "" : " +" + std::to_string(rest));
}

inline std::string request(std::string_view bytes, const HeadLimits& limits = {},
                           RequestLine* line = nullptr) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  RequestLine own;
  const HeadResult result = parse_request_head(bytes, limits, headers, line ? *line : own);
  return outcome(result, bytes, headers);
}
inline std::string response(std::string_view bytes, const HeadLimits& limits = {},
                            StatusLine* line = nullptr) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  StatusLine own;
  const HeadResult result = parse_response_head(bytes, limits, headers, line ? *line : own);
  return outcome(result, bytes, headers);
}
inline std::string trailers(std::string_view bytes, const HeadLimits& limits = {}) {
  ArenaPool pool;
  Arena arena(pool);
  HeaderMap headers(arena);
  const HeadResult result = parse_trailers(bytes, limits, headers);
  return outcome(result, bytes, headers);
}

/// What request() says of a head that is not right.
inline std::string wrong(Http1Error error) { return std::string(describe(error)); }

}  // namespace weir::http
