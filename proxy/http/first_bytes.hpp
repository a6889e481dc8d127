// SPDX-License-Identifier: Apache-2.0
// What the first bytes of a connection without TLS say about its protocol.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http {

/// More bytes than this are not looked at: a request line that is longer is nobody's.
inline constexpr std::size_t kMaxFirstBytes = 64 * 1024;

enum class FirstBytes : std::uint8_t {
  need_more,  // they are the beginning of something that may be HTTP
  http10,     // a request line of another version than 1.1, or of none (HTTP/0.9)
  http11,
  http2,  // the client's preface (RFC 9113 §3.4): prior knowledge
  not_http,
  too_long,  // kMaxFirstBytes and the request line has not ended
};

/// Pure. Accepts what parsers of HTTP accept, blanks in the wrong places included: it is to tell
/// protocols apart, not good requests from bad ones.
FirstBytes classify_first_bytes(std::string_view bytes);

}  // namespace weir::http
