// SPDX-License-Identifier: Apache-2.0
// The upstream's HTTP/2, with prior knowledge: small replies only.
#pragma once

#include <memory>

struct nghttp2_session;

namespace bench {

class Http2Connection {
 public:
  explicit Http2Connection(int fd);
  ~Http2Connection();
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;

  // Reads what is there and answers it; false: close the socket.
  bool serve();

 private:
  int fd_;
  nghttp2_session* session_ = nullptr;
};

}  // namespace bench
