// SPDX-License-Identifier: Apache-2.0
// The upstream's HTTP/1.1: small replies from an event loop, bodies from a thread of their own.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

// One kept connection; its requests are answered in turn.
class Http1Connection {
 public:
  explicit Http1Connection(int fd) : fd_(fd) {}

  enum class State { kOpen, kClosed, kBody };
  // Reads what is there and answers it. kClosed: close the socket. kBody: the request wants to move
  // a body; call serve_bodies from a thread that may block.
  State serve();

  // Answers this request and all that follow, until the connection ends; then closes it.
  void serve_bodies();

 private:
  // Answers the small request at the start of the buffer.
  State answer(std::string_view head);
  bool serve_body(std::string_view head);
  bool fill();

  int fd_;
  std::size_t size_ = 0;
  std::array<char, 4096> bytes_;
};

}  // namespace bench
