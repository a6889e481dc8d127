// SPDX-License-Identifier: Apache-2.0
#include "bench/tools/dialect.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "bench/tools/http1.hpp"
#include "bench/tools/protocol.hpp"

namespace bench {
namespace {

void check_body(std::string_view body, std::uint64_t id) {
  if (body.size() > kReplySize) fail("more bytes than the reply has");
  std::uint64_t answer = 0;
  std::memcpy(&answer, body.data(), sizeof answer);
  if (answer != (id ^ kReplyMask)) fail("reply of another request: bytes were mixed up");
}

}  // namespace

bool Reply::read(int fd) {
  const ssize_t count = recv(fd, bytes_.data() + size_, bytes_.size() - size_, 0);
  if (count < 0 && errno == EAGAIN) return false;
  if (count < 0) fail(std::string("read of a reply: ") + std::strerror(errno));
  if (count == 0)
    fail(size_ < bytes_.size() ? "connection closed before its reply" : "reply is too large");
  size_ += static_cast<std::size_t>(count);
  return true;
}

Dialect::Dialect(const Flags& flags)
    : http_(flags.text("dialect", "raw") == "http1"),
      closes_(flags.number("close", 0) > 0),
      expected_(flags.text("expect", "")) {
  if (!http_) {
    request_.assign(kRequestSize, '\0');
    return;
  }
  const std::string start = "GET /" + flags.text("path", "small") + "/";
  id_at_ = start.size();
  request_ = start + std::string(kIdDigits, '0') + " HTTP/1.1\r\n" + std::string(kRequestHeaders);
  if (closes_) request_ += "connection: close\r\n";
  request_ += "\r\n";
}

std::string_view Dialect::request(std::uint64_t id) {
  if (http_) {
    write_id(id, request_.data() + id_at_);
  } else {
    std::memcpy(request_.data(), &id, sizeof id);
  }
  return request_;
}

bool Dialect::is_whole(const Reply& reply, std::uint64_t id) const {
  if (http_) return is_whole_http(reply.bytes(), id);
  if (reply.bytes().size() < kReplySize) return false;
  check_body(reply.bytes(), id);
  return true;
}

bool Dialect::is_last(const Reply& reply) const {
  return http_ &&
         has_header(reply.bytes().substr(0, size_of_head(reply.bytes())), "connection: close");
}

bool Dialect::is_whole_http(std::string_view bytes, std::uint64_t id) const {
  const std::size_t head_size = size_of_head(bytes);
  if (head_size == 0) return false;
  const std::string_view head = bytes.substr(0, head_size);
  if (head.substr(0, 12) != "HTTP/1.1 200") fail("reply '" + first_line(head) + "', not 200");
  if (content_length(head) != kReplySize) fail("reply without its content-length");
  if (!expected_.empty() && !has_header(head, expected_)) fail("reply without '" + expected_ + "'");
  if (bytes.size() < head_size + kReplySize) return false;
  check_body(bytes.substr(head_size), id);
  return true;
}

}  // namespace bench
