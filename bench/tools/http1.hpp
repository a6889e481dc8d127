// SPDX-License-Identifier: Apache-2.0
// As much of HTTP/1.1 as the benchmark's two ends need to understand each other through a proxy.
//   GET /small/ID    100 bytes back, the first eight are ID xor kReplyMask
//   GET /edited/ID   the same, if the request has the header that the proxies' filter adds
//   POST /sink/H     swallows the body; answers with the hash of it when H is 1
//   GET /source/N/H  N bytes; with H = 1 pseudo-random ones, and their hash after them
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bench {

// An id in a path: as many hexadecimal digits.
inline constexpr std::size_t kIdDigits = 16;
inline constexpr std::string_view kAuthority = "bench.example";
inline constexpr std::string_view kUserAgent = "weir-bench/1";
// After the request line, before the empty one.
inline constexpr std::string_view kRequestHeaders =
    "host: bench.example\r\nuser-agent: weir-bench/1\r\naccept: */*\r\n";
// What a header-editing filter adds to the request.
inline constexpr std::string_view kEditedHeader = "x-bench-request: edited";
// An origin has a date and a name, so a proxy need not make them up.
inline constexpr std::string_view kServer = "weir-bench";
inline constexpr std::string_view kDate = "Sun, 06 Nov 1994 08:49:37 GMT";
inline constexpr std::string_view kContentType = "application/octet-stream";

// Bytes up to and with the empty line; 0 when it is not there yet.
std::size_t size_of_head(std::string_view bytes);
std::string first_line(std::string_view head);
// Whether the head has the line "name: value", in whatever case.
bool has_header(std::string_view head, std::string_view line);
std::optional<std::uint64_t> content_length(std::string_view head);

// Writes kIdDigits digits.
void write_id(std::uint64_t id, char* to);
// The id that `digits` begins with; nothing when they are too few.
std::optional<std::uint64_t> read_id(std::string_view digits);

// The head of a reply with a body of `bytes` bytes.
std::string reply_head(std::uint64_t bytes);

}  // namespace bench
