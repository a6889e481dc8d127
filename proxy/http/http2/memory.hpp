// SPDX-License-Identifier: Apache-2.0
// Http2Memory: what the HTTP/2 sessions of one worker allocate from: size classes with free lists.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace weir::http {

/// Gives freed blocks out again without asking the system. Keeps at most kSpareBytes per class, so
/// memory follows traffic. Single thread; outlives all that was taken from it.
class Http2Memory {
 public:
  Http2Memory() noexcept {
    for (std::size_t slot = 0; slot < kClasses; ++slot)
      classes_[slot].room = kSpareBytes / size_of(slot);
  }
  Http2Memory(const Http2Memory&) = delete;
  Http2Memory& operator=(const Http2Memory&) = delete;
  ~Http2Memory();

  /// Aligned for any type of 8 bytes. nullptr when the system has no memory.
  void* allocate(std::size_t bytes) noexcept {
    const std::size_t slot = class_of(bytes);
    if (slot < kClasses && classes_[slot].spare != nullptr) {
      SizeClass& from = classes_[slot];
      Free* const block = from.spare;
      from.spare = block->next;
      ++from.room;
      return block;
    }
    return allocate_slow(bytes, slot);
  }
  void release(void* memory) noexcept {
    if (memory == nullptr) return;
    const std::uint64_t slot = header(memory);
    if (slot < kClasses && classes_[slot].room > 0) {
      SizeClass& to = classes_[slot];
      to.spare = new (memory) Free{to.spare};
      --to.room;
      return;
    }
    release_slow(memory, slot);
  }
  void* reallocate(void* memory, std::size_t bytes) noexcept;

  /// While it lives, the blocks of kFrameBuffer bytes and more are one and the same block of the
  /// worker. A session writes a frame there and hands it over before another one writes, so each
  /// needs none of its own (16 KB).
  class SharedFrameBuffer {
   public:
    explicit SharedFrameBuffer(Http2Memory& memory) noexcept : memory_(memory) {
      memory_.share_ = true;
    }
    SharedFrameBuffer(const SharedFrameBuffer&) = delete;
    SharedFrameBuffer& operator=(const SharedFrameBuffer&) = delete;
    ~SharedFrameBuffer() { memory_.share_ = false; }

   private:
    Http2Memory& memory_;
  };
  static constexpr std::size_t kFrameBuffer = 16384;

  /// Marks the time in which a session writes into the shared frame buffer: one at a time.
  bool producing = false;

 private:
  struct Free {
    Free* next;
  };
  struct SizeClass {
    Free* spare = nullptr;
    std::size_t room = 0;  // for so many more spare ones
  };
  // Before each block stands its class.
  static constexpr std::size_t kHeader = sizeof(std::uint64_t);
  static constexpr std::size_t kStep = 32;    // of the small classes
  static constexpr std::size_t kSmall = 512;  // beyond: 768, 1024, 1536, 2048, 3072, 4096
  static constexpr std::size_t kLargest = 4096;
  static constexpr std::size_t kSmallClasses = kSmall / kStep;
  static constexpr std::size_t kClasses = kSmallClasses + 6;
  static constexpr std::uint64_t kUnpooled = kClasses;
  static constexpr std::uint64_t kShared = kClasses + 1;
  static constexpr std::size_t kSpareBytes = std::size_t{64} * 1024;

  static constexpr std::size_t class_of(std::size_t bytes) noexcept {
    if (bytes <= kSmall) return bytes == 0 ? 0 : (bytes - 1) / kStep;
    if (bytes > kLargest) return kClasses;
    const auto bits = static_cast<std::size_t>(std::bit_width(bytes - 1));  // 10, 11 or 12
    const bool upper = bytes > std::size_t{3} << (bits - 2);
    return kSmallClasses + 2 * (bits - 10) + (upper ? 1 : 0);
  }
  static constexpr std::size_t size_of(std::size_t slot) noexcept {
    if (slot < kSmallClasses) return (slot + 1) * kStep;
    const std::size_t at = slot - kSmallClasses;
    return at % 2 == 0 ? std::size_t{768} << (at / 2) : std::size_t{1024} << (at / 2);
  }
  static std::uint64_t& header(void* memory) noexcept {
    return *reinterpret_cast<std::uint64_t*>(static_cast<std::byte*>(memory) - kHeader);
  }
  void* allocate_slow(std::size_t bytes, std::size_t slot) noexcept;
  void release_slow(void* memory, std::uint64_t slot) noexcept;
  void* shared_frame_buffer(std::size_t bytes) noexcept;

  std::array<SizeClass, kClasses> classes_{};
  void* frame_buffer_ = nullptr;
  std::size_t frame_buffer_bytes_ = 0;
  bool share_ = false;
};

}  // namespace weir::http
