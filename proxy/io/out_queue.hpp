// SPDX-License-Identifier: Apache-2.0
// OutQueue: what a connection has to send, gathered over a turn and written in one call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/io/buffer_pool.hpp"

namespace weir::io {

/// Empty, it owns nothing. Single thread.
class OutQueue {
 public:
  enum class Status : std::uint8_t { sent, blocked, failed };

  /// Room for `bytes` in a row at the end; commit() says how much of it was used. nullptr when
  /// `bytes` are more than a buffer has left: use append().
  char* reserve(std::size_t bytes, BufferPool& pool);
  void commit(std::size_t bytes) noexcept { end_ += static_cast<std::uint32_t>(bytes); }

  void append(std::string_view bytes, BufferPool& pool);

  /// Writes what is queued and then `tail` (borrowed; what the socket does not take of it is
  /// queued). `failed`: errno in error().
  Status flush(int fd, BufferPool& pool, std::string_view tail = {});

  [[nodiscard]] std::size_t size() const noexcept {
    return end_ - begin_ + more_.size() - more_begin_;
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] int error() const noexcept { return error_; }
  void release(BufferPool& pool);

 private:
  void drop(std::size_t bytes, BufferPool& pool);

  std::unique_ptr<Buffer> buffer_;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  int error_ = 0;
  std::string more_;            // what the buffer had no room for: rare
  std::size_t more_begin_ = 0;  // so much of it is sent; moved up only when that is most of it
};

}  // namespace weir::io
