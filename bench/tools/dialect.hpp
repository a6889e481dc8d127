// SPDX-License-Identifier: Apache-2.0
// What a small request and its reply are on a connection: raw bytes, or HTTP/1.1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/tools/flags.hpp"

namespace bench {

// The bytes of one reply as they arrive.
class Reply {
 public:
  // Reads what is there; false when nothing was (EAGAIN). Ends the program at an end or an error.
  bool read(int fd);
  void clear() { size_ = 0; }
  std::string_view bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 1024> bytes_;
  std::size_t size_ = 0;
};

class Dialect {
 public:
  // --dialect raw (default) | http1; the latter with --path NAME (default small), --close 1 (every
  // request says that it is the last of its connection) and --expect "name: value" (a header that
  // every reply must have).
  explicit Dialect(const Flags& flags);

  // The bytes of request `id`; valid until the next call.
  std::string_view request(std::uint64_t id);

  // Whether the reply is whole. Ends the program when it is not the one of request `id`.
  bool is_whole(const Reply& reply, std::uint64_t id) const;

  // Whether the reply says that no other follows on its connection.
  bool is_last(const Reply& reply) const;

  // Whether the other side is to close the connection after its reply.
  bool closes() const { return closes_; }

 private:
  bool is_whole_http(std::string_view bytes, std::uint64_t id) const;

  bool http_, closes_;
  std::string request_;
  std::size_t id_at_ = 0;
  std::string expected_;
};

}  // namespace bench
