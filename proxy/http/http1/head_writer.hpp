// SPDX-License-Identifier: Apache-2.0
// Writing the heads, chunks and trailers of HTTP/1 messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http/header_map.hpp"
#include "proxy/http/protocol_options.hpp"

namespace weir::http {

/// Bytes that write_*_head needs at most.
std::size_t head_size(const HeaderMap& headers) noexcept;

/// "METHOD path HTTP/1.1", host from :authority, then the headers in order. @return the end of what
/// was written. The caller has head_size() bytes there, and those of `extra`: whole lines in lower
/// case that come last.
char* write_request_head(char* at, const HeaderMap& headers, Http1Options::HeaderCase casing,
                         bool full_url, std::string_view extra) noexcept;

/// "HTTP/1.1 status reason" and the headers in order, pseudo-headers left out.
char* write_response_head(char* at, const HeaderMap& headers, std::uint16_t status,
                          Http1Options::HeaderCase casing, std::uint8_t minor_version,
                          std::string_view extra) noexcept;

/// The last chunk and trailers, and the empty line.
void append_last_chunk(std::string& out, const HeaderMap* trailers);

/// "hex-size CR LF" into `at` (20 bytes). @return its end
char* write_chunk_size(char* at, std::uint64_t size) noexcept;

/// "OK", "Not Found", …; "Unknown" for a status without a name, as Envoy writes it.
std::string_view reason_phrase(std::uint16_t status) noexcept;

}  // namespace weir::http
