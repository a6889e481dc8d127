// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/upstream_http1.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

#include "bench/tools/http1.hpp"
#include "bench/tools/protocol.hpp"
#include "bench/tools/sockets.hpp"

namespace bench {
namespace {

constexpr std::string_view kSmall = "GET /small/";
constexpr std::string_view kEdited = "GET /edited/";
constexpr std::string_view kSink = "POST /sink/";
constexpr std::string_view kSource = "GET /source/";
constexpr std::string_view kRefusal = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

bool write_text(int fd, std::string_view text) { return write_all(fd, text.data(), text.size()); }

bool write_small(int fd, std::uint64_t id) {
  static const std::string head = reply_head(kReplySize);
  std::array<char, 512> reply{};
  std::memcpy(reply.data(), head.data(), head.size());
  id ^= kReplyMask;
  std::memcpy(reply.data() + head.size(), &id, sizeof id);
  return write_all(fd, reply.data(), head.size() + kReplySize);
}

bool write_source(int fd, std::uint64_t bytes, bool hashed) {
  if (!write_text(fd, reply_head(bytes + (hashed ? sizeof(std::uint64_t) : 0)))) return false;
  std::vector<char> buffer(kBulkChunk, 'w');
  RandomWords words(1);
  StreamHash hash;
  for (std::uint64_t left = bytes; left > 0;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    if (hashed) {
      fill_random(words, buffer.data(), buffer.size());
      hash.update(buffer.data(), size);
    }
    if (!write_all(fd, buffer.data(), size)) return false;
    left -= size;
  }
  const std::uint64_t answer = hash.value();
  return !hashed || write_all(fd, &answer, sizeof answer);
}

// `begun` is what of the body came with the head.
bool read_sink(int fd, std::string_view begun, std::uint64_t bytes, bool hashed) {
  std::vector<char> buffer(kBulkChunk);
  StreamHash hash;
  if (hashed) hash.update(begun.data(), begun.size());
  for (std::uint64_t left = bytes - begun.size(); left > 0;) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    const ssize_t count = recv(fd, buffer.data(), wanted, 0);
    if (count <= 0) return false;
    if (hashed) hash.update(buffer.data(), static_cast<std::size_t>(count));
    left -= static_cast<std::uint64_t>(count);
  }
  const std::uint64_t answer = hash.value();
  return write_text(fd, reply_head(sizeof answer)) && write_all(fd, &answer, sizeof answer);
}

}  // namespace

Http1Connection::State Http1Connection::serve() {
  const ssize_t count = recv(fd_, bytes_.data() + size_, bytes_.size() - size_, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return State::kOpen;
  if (count <= 0) return State::kClosed;
  size_ += static_cast<std::size_t>(count);
  for (;;) {
    const std::string_view bytes(bytes_.data(), size_);
    const std::size_t head_size = size_of_head(bytes);
    if (head_size == 0) return size_ < bytes_.size() ? State::kOpen : State::kClosed;
    const State state = answer(bytes.substr(0, head_size));
    if (state != State::kOpen) return state;
    size_ -= head_size;
    std::memmove(bytes_.data(), bytes_.data() + head_size, size_);
  }
}

Http1Connection::State Http1Connection::answer(std::string_view head) {
  if (starts_with(head, kSink) || starts_with(head, kSource)) return State::kBody;
  const bool edited = starts_with(head, kEdited);
  const auto id = read_id(head.substr(edited ? kEdited.size() : kSmall.size()));
  const bool good = id && (edited ? has_header(head, kEditedHeader) : starts_with(head, kSmall));
  if (!(good ? write_small(fd_, *id) : write_text(fd_, kRefusal))) return State::kClosed;
  return has_header(head, "connection: close") ? State::kClosed : State::kOpen;
}

void Http1Connection::serve_bodies() {
  for (;;) {
    const std::string_view bytes(bytes_.data(), size_);
    const std::size_t head_size = size_of_head(bytes);
    if (head_size == 0 ? !fill() : !serve_body(bytes.substr(0, head_size))) break;
  }
  close(fd_);
}

bool Http1Connection::fill() {
  const ssize_t count = recv(fd_, bytes_.data() + size_, bytes_.size() - size_, 0);
  if (count <= 0) return false;
  size_ += static_cast<std::size_t>(count);
  return true;
}

bool Http1Connection::serve_body(std::string_view head) {
  const bool closes = has_header(head, "connection: close");
  const std::uint64_t length = content_length(head).value_or(0);
  const auto begun = static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - head.size()));
  bool good = false;
  if (starts_with(head, kSink)) {
    const bool hashed = head.substr(kSink.size(), 1) == "1";
    good = read_sink(fd_, {head.data() + head.size(), begun}, length, hashed);
  } else if (starts_with(head, kSource)) {
    char* end = nullptr;
    const std::uint64_t bytes = std::strtoull(head.data() + kSource.size(), &end, 10);
    good = write_source(fd_, bytes, end[0] == '/' && end[1] == '1');
  } else {
    good = answer(head) == State::kOpen;
  }
  const std::size_t used = head.size() + begun;
  size_ -= used;
  std::memmove(bytes_.data(), bytes_.data() + used, size_);
  return good && !closes;
}

}  // namespace bench
