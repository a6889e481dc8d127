// SPDX-License-Identifier: Apache-2.0
// BufferPool: the 64 KB buffers that hold what a peer would not take at once.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace weir::io {

inline constexpr std::size_t kBufferSize = 64 * 1024;
using Buffer = std::array<std::byte, kBufferSize>;

/// Keeps a few returned buffers for the next short write. Single thread.
class BufferPool {
 public:
  std::unique_ptr<Buffer> take() {
    if (spare_.empty()) return std::unique_ptr<Buffer>(new Buffer);
    auto buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
  }
  void give_back(std::unique_ptr<Buffer> buffer) {
    if (spare_.size() < kSpare) spare_.push_back(std::move(buffer));
  }

 private:
  static constexpr std::size_t kSpare = 16;
  std::vector<std::unique_ptr<Buffer>> spare_;
};

}  // namespace weir::io
