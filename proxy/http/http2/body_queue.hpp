// SPDX-License-Identifier: Apache-2.0
// BodyQueue: the body bytes of one stream that wait for the peer's window. Empty, it owns nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "proxy/http/http2/memory.hpp"

namespace weir::http {

/// First in, first out. Its blocks come from the worker's memory: small ones for little. Single
/// thread.
class BodyQueue {
 public:
  BodyQueue() = default;
  BodyQueue(const BodyQueue&) = delete;
  BodyQueue& operator=(const BodyQueue&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Copies `data` behind what is there. @return false without memory
  bool push(std::span<const std::byte> data, Http2Memory& memory) noexcept {
    while (!data.empty()) {
      if (tail_ == nullptr || tail_->end == tail_->capacity) {
        if (!grow(data.size(), memory)) return false;
      }
      const std::size_t taken = std::min<std::size_t>(tail_->capacity - tail_->end, data.size());
      std::memcpy(tail_->bytes() + tail_->end, data.data(), taken);
      tail_->end += static_cast<std::uint32_t>(taken);
      size_ += taken;
      data = data.subspan(taken);
    }
    return true;
  }
  /// Moves the first `bytes` (≤ size()) to `to`.
  void pop(std::byte* to, std::size_t bytes, Http2Memory& memory) noexcept {
    size_ -= bytes;
    while (bytes > 0) {
      const std::size_t taken = std::min<std::size_t>(head_->end - head_->begin, bytes);
      std::memcpy(to, head_->bytes() + head_->begin, taken);
      head_->begin += static_cast<std::uint32_t>(taken);
      to += taken;
      bytes -= taken;
      if (head_->begin == head_->end) drop_head(memory);
    }
  }
  /// Must be called before the end: there is no destructor that knows the memory.
  void clear(Http2Memory& memory) noexcept {
    while (head_ != nullptr) drop_head(memory);
    size_ = 0;
  }

 private:
  struct Block {
    Block* next = nullptr;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t capacity = 0;
    std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  };
  static constexpr std::size_t kSmallest = 256 - sizeof(Block);
  static constexpr std::size_t kLargest = 4096 - sizeof(Block);

  bool grow(std::size_t wanted, Http2Memory& memory) noexcept {
    const std::size_t capacity =
        tail_ != nullptr ? kLargest : std::clamp(wanted, kSmallest, kLargest);
    void* const at = memory.allocate(sizeof(Block) + capacity);
    if (at == nullptr) return false;
    auto* const block = new (at) Block;
    block->capacity = static_cast<std::uint32_t>(capacity);
    if (tail_ == nullptr)
      head_ = block;
    else
      tail_->next = block;
    tail_ = block;
    return true;
  }
  void drop_head(Http2Memory& memory) noexcept {
    Block* const done = head_;
    head_ = done->next;
    if (head_ == nullptr) tail_ = nullptr;
    memory.release(done);
  }

  Block* head_ = nullptr;
  Block* tail_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace weir::http
