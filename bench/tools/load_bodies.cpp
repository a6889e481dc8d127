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

#include "bench/tools/http1.hpp"
#include "bench/tools/load.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/window.hpp"

namespace bench {
namespace {

constexpr std::uint64_t kBody = 256 * 1024 * 1024;

// One kept connection; a request and its reply take turns.
class Stream {
 public:
  explicit Stream(const Flags& flags) : fd_(connect_to(parse_destination(flags.text("to")))) {
    if (fd_ < 0) fail(std::string("connect: ") + std::strerror(errno));
  }
  ~Stream() {
    reset_on_close(fd_);
    close(fd_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void send_request(const std::string& line, std::uint64_t body) {
    std::string head = line + " HTTP/1.1\r\n" + std::string(kRequestHeaders);
    if (body > 0) head += "content-length: " + std::to_string(body) + "\r\n";
    head += "\r\n";
    send_all(head.data(), head.size());
  }
  void send_all(const char* data, std::size_t size) {
    if (!write_all(fd_, data, size)) fail("connection closed inside a request: " + early_answer());
  }
  // Of the body, what came with the head is kept for read_some().
  void read_head(std::uint64_t expected) {
    kept_.clear();
    std::size_t head_size = 0;
    while ((head_size = size_of_head(kept_)) == 0) {
      char piece[2048];
      const ssize_t count = recv(fd_, piece, sizeof piece, 0);
      if (count <= 0) fail("connection closed before the head of a reply");
      kept_.append(piece, static_cast<std::size_t>(count));
    }
    const std::string head = kept_.substr(0, head_size);
    if (head.compare(0, 12, "HTTP/1.1 200") != 0) fail("reply '" + first_line(head) + "', not 200");
    if (content_length(head) != expected) fail("reply without its content-length");
    kept_.erase(0, head_size);
  }
  // Up to `size` bytes of a body, at least one.
  std::size_t read_some(char* to, std::size_t size) {
    if (!kept_.empty()) {
      const std::size_t count = kept_.copy(to, size);
      kept_.erase(0, count);
      return count;
    }
    const ssize_t count = recv(fd_, to, size, 0);
    if (count <= 0) fail("connection closed inside a body");
    return static_cast<std::size_t>(count);
  }
  std::uint64_t read_hash() {
    std::uint64_t answer = 0;
    auto* next = reinterpret_cast<char*>(&answer);
    for (std::size_t left = sizeof answer; left > 0;) {
      const std::size_t count = read_some(next, left);
      next += count;
      left -= count;
    }
    return answer;
  }

 private:
  std::string early_answer() {
    char piece[256];
    const ssize_t count = recv(fd_, piece, sizeof piece, MSG_DONTWAIT);
    return count > 0 ? first_line({piece, static_cast<std::size_t>(count)}) : "no reply";
  }

  int fd_;
  std::string kept_;
};

int verify(Stream& stream, bool up, std::uint64_t bytes) {
  std::vector<char> buffer(kBulkChunk);
  RandomWords words(7);
  StreamHash hash;
  if (up) {
    stream.send_request("POST /sink/1", bytes);
  } else {
    stream.send_request("GET /source/" + std::to_string(bytes) + "/1", 0);
    stream.read_head(bytes + sizeof(std::uint64_t));
  }
  for (std::uint64_t left = bytes; left > 0;) {
    auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    if (up) {
      fill_random(words, buffer.data(), buffer.size());
      stream.send_all(buffer.data(), size);
    } else {
      size = stream.read_some(buffer.data(), size);
    }
    hash.update(buffer.data(), size);
    left -= size;
  }
  if (up) stream.read_head(sizeof(std::uint64_t));
  if (stream.read_hash() != hash.value())
    fail("the bytes that arrived are not the bytes that were sent");
  std::printf("{\"verified\":%llu}\n", static_cast<unsigned long long>(bytes));
  return 0;
}

}  // namespace

int run_bodies(const Flags& flags) {
  const bool up = flags.text("direction", "up") == "up";
  Stream stream(flags);
  const auto to_verify = static_cast<std::uint64_t>(flags.number("verify", 0));
  if (to_verify > 0) return verify(stream, up, to_verify);
  std::vector<char> buffer(kBulkChunk, 'w');
  Window window(flags);
  std::uint64_t bytes = 0;
  bool over = false;
  while (!over) {
    if (up) {
      stream.send_request("POST /sink/0", kBody);
    } else {
      stream.send_request("GET /source/" + std::to_string(kBody) + "/0", 0);
      stream.read_head(kBody);
    }
    for (std::uint64_t left = kBody; left > 0 && !over;) {
      auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
      if (up) {
        stream.send_all(buffer.data(), size);
      } else {
        size = stream.read_some(buffer.data(), size);
      }
      left -= size;
      if (window.is_open()) bytes += size;
      over = window.advance(now_ns());
    }
    if (up && !over) {
      stream.read_head(sizeof(std::uint64_t));
      stream.read_hash();
    }
  }
  window.close();
  std::printf("{\"bytes\":%llu,\"seconds\":%.6f,%s}\n", static_cast<unsigned long long>(bytes),
              window.seconds(), window.cpu().json().c_str());
  return 0;
}

}  // namespace bench
