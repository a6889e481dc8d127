// SPDX-License-Identifier: Apache-2.0
// What the two ends of the benchmark's HTTP/2 share: nghttp2's sessions on blocking sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nghttp2/nghttp2.h>

namespace bench {

// Streams of one connection at a time, as the upstream offers them; nginx has the same.
inline constexpr std::uint32_t kMaxStreams = 128;

// Reads once what is there and hands it to the session; false at an end or an error.
bool read_session(nghttp2_session* session, int fd);
// Writes all that the session has to say, in one piece.
bool write_session(nghttp2_session* session, int fd);

// A header; the texts must live until the call that takes it returns.
nghttp2_nv header(std::string_view name, std::string_view value);

// An id as the user data of a stream.
inline void* as_user_data(std::uint64_t id) { return reinterpret_cast<void*>(id); }
inline std::uint64_t from_user_data(void* data) { return reinterpret_cast<std::uint64_t>(data); }

}  // namespace bench
