// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/http2.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "bench/tools/sockets.hpp"

namespace bench {

bool read_session(nghttp2_session* session, int fd) {
  static std::array<std::uint8_t, 64 * 1024> buffer;
  const ssize_t count = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return true;
  if (count <= 0) return false;
  return nghttp2_session_mem_recv(session, buffer.data(), static_cast<std::size_t>(count)) == count;
}

bool write_session(nghttp2_session* session, int fd) {
  static std::string pending;
  pending.clear();
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(session, &bytes);
    if (size < 0) return false;
    if (size == 0) break;
    pending.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }
  return pending.empty() || write_all(fd, pending.data(), pending.size());
}

nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace bench
