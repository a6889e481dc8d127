// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/http2/memory.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace weir::http {

Http2Memory::~Http2Memory() {
  for (SizeClass& one : classes_)
    while (one.spare != nullptr) {
      Free* const block = one.spare;
      one.spare = block->next;
      std::free(reinterpret_cast<std::byte*>(block) - kHeader);
    }
  if (frame_buffer_ != nullptr) std::free(static_cast<std::byte*>(frame_buffer_) - kHeader);
}

void* Http2Memory::allocate_slow(std::size_t bytes, std::size_t slot) noexcept {
  if (share_ && bytes >= kFrameBuffer) {
    if (void* const shared = shared_frame_buffer(bytes)) return shared;
  }
  const std::size_t size = slot < kClasses ? size_of(slot) : bytes;
  auto* const raw = static_cast<std::byte*>(std::malloc(kHeader + size));
  if (raw == nullptr) return nullptr;
  header(raw + kHeader) = slot < kClasses ? slot : kUnpooled;
  return raw + kHeader;
}

void* Http2Memory::shared_frame_buffer(std::size_t bytes) noexcept {
  if (frame_buffer_ == nullptr) {
    auto* const raw = static_cast<std::byte*>(std::malloc(kHeader + bytes));
    if (raw == nullptr) return nullptr;
    frame_buffer_ = raw + kHeader;
    frame_buffer_bytes_ = bytes;
    header(frame_buffer_) = kShared;
  }
  return bytes <= frame_buffer_bytes_ ? frame_buffer_ : nullptr;
}

void Http2Memory::release_slow(void* memory, std::uint64_t slot) noexcept {
  if (slot == kShared) return;  // goes with the worker
  std::free(static_cast<std::byte*>(memory) - kHeader);
}

void* Http2Memory::reallocate(void* memory, std::size_t bytes) noexcept {
  if (memory == nullptr) return allocate(bytes);
  const std::uint64_t slot = header(memory);
  if (slot < kClasses) {
    if (bytes <= size_of(slot)) return memory;
    void* const larger = allocate(bytes);
    if (larger == nullptr) return nullptr;
    std::memcpy(larger, memory, size_of(slot));
    release(memory);
    return larger;
  }
  if (slot == kShared) {
    if (bytes <= frame_buffer_bytes_) return memory;
    void* const own = allocate(bytes);
    if (own != nullptr) std::memcpy(own, memory, frame_buffer_bytes_);
    return own;
  }
  if (bytes <= kLargest) return memory;  // shrinking a large block gains nothing worth a copy
  void* const raw = std::realloc(static_cast<std::byte*>(memory) - kHeader, kHeader + bytes);
  return raw == nullptr ? nullptr : static_cast<std::byte*>(raw) + kHeader;
}

}  // namespace weir::http
