// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

#include "bench/tools/load.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/window.hpp"

namespace bench {
namespace {

int open_stream(const Flags& flags, const BulkHeader& header) {
  const int fd = connect_to(parse_destination(flags.text("to")));
  if (fd < 0) fail(std::string("connect: ") + std::strerror(errno));
  if (!write_all(fd, &header, sizeof header)) fail("connection closed at its first bytes");
  return fd;
}

int verify(const Flags& flags, bool up) {
  const auto bytes = static_cast<std::uint64_t>(flags.number("verify", 0));
  const int fd = open_stream(flags, {bytes, 1});
  std::vector<char> buffer(kBulkChunk);
  RandomWords words(7);
  StreamHash hash;
  for (std::uint64_t left = bytes; left > 0;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    if (up) fill_random(words, buffer.data(), buffer.size());
    if (up ? !write_all(fd, buffer.data(), size) : !read_all(fd, buffer.data(), size)) {
      fail("stream ended " + std::to_string(left) + " bytes early");
    }
    hash.update(buffer.data(), size);
    left -= size;
  }
  std::uint64_t answer = 0;
  if (!read_all(fd, &answer, sizeof answer)) fail("stream ended before the hash of the other side");
  if (answer != hash.value()) fail("the bytes that arrived are not the bytes that were sent");
  std::printf("{\"verified\":%llu}\n", static_cast<unsigned long long>(bytes));
  return 0;
}

}  // namespace

int run_bulk(const Flags& flags) {
  const bool up = flags.text("direction", "up") == "up";
  if (flags.number("verify", 0) > 0) return verify(flags, up);
  const int fd = open_stream(flags, {0, 0});
  std::vector<char> buffer(kBulkChunk, 'w');
  Window window(flags);
  std::uint64_t bytes = 0;
  for (;;) {
    const ssize_t count = up ? send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL)
                             : recv(fd, buffer.data(), buffer.size(), 0);
    if (count <= 0) fail("stream ended inside the measurement");
    if (window.is_open()) bytes += static_cast<std::uint64_t>(count);
    if (window.advance(now_ns())) break;
  }
  window.close();
  reset_on_close(fd);
  close(fd);
  std::printf("{\"bytes\":%llu,\"seconds\":%.6f,%s}\n", static_cast<unsigned long long>(bytes),
              window.seconds(), window.cpu().json().c_str());
  return 0;
}

}  // namespace bench
