// SPDX-License-Identifier: Apache-2.0
// Arena: the memory of one stream: given out by moving a pointer, given back as a whole.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "common/sanitizers.hpp"

namespace weir::http {

/// Blocks of arenas, kept for the next stream. Single thread.
class ArenaPool {
 public:
  static constexpr std::size_t kBlock = 4096;

  std::byte* take() {
    if (spare_.empty()) return new std::byte[kBlock];
    std::byte* block = spare_.back().release();
    spare_.pop_back();
    return block;
  }
  void give_back(std::byte* block) {
    std::unique_ptr<std::byte[]> owned(block);
    if (spare_.size() < kSpare) spare_.push_back(std::move(owned));
  }

 private:
  static constexpr std::size_t kSpare = kAddressSanitizer ? 0 : 256;
  std::vector<std::unique_ptr<std::byte[]>> spare_;
};

/// Everything taken from it lives until the arena ends; destructors are the owner's business.
/// Single thread.
class Arena {
 public:
  explicit Arena(ArenaPool& pool) noexcept : pool_(pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// Never null. Aligned for any type unless `alignment` says less; it cannot say more.
  void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
    std::byte* const at = aligned(alignment);
    if (at != nullptr && bytes <= static_cast<std::size_t>(end_ - at)) {
      next_ = at + bytes;
      return at;
    }
    return allocate_slow(bytes, alignment);
  }

  /// The place of the next byte, for writers that do not know their length yet: at least `bytes`
  /// bytes; commit() takes what was used.
  char* reserve(std::size_t bytes) {
    if (next_ == nullptr || bytes > static_cast<std::size_t>(end_ - next_)) {
      void* const fresh = allocate_slow(bytes, 1);
      if (next_ != static_cast<std::byte*>(fresh) + bytes) return static_cast<char*>(fresh);
      next_ = static_cast<std::byte*>(fresh);  // in a block: hand it out by commit()
    }
    return reinterpret_cast<char*>(next_);
  }
  /// `begin` is what reserve() returned.
  void commit(const char* begin, std::size_t used) noexcept {
    if (reinterpret_cast<const std::byte*>(begin) == next_) next_ += used;
  }

  /// A copy of `text` that lives as long as the arena.
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto* const at = static_cast<char*>(allocate(text.size(), 1));
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  /// Them all in one.
  template <class... Texts>
  std::string_view join(const Texts&... texts) {
    const std::size_t size = (std::string_view(texts).size() + ...);
    auto* const at = static_cast<char*>(allocate(size + 1, 1));
    char* to = at;
    const auto put = [&](std::string_view text) {
      // memcpy takes no null pointer, which an empty view may have.
      if (!text.empty()) std::memcpy(to, text.data(), text.size());
      to += text.size();
    };
    (put(texts), ...);
    return {at, size};
  }

  /// Builds a T; its destructor is not called by the arena.
  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(alignof(T) <= alignof(std::max_align_t));
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  /// Bytes taken from the pool and the heap so far.
  [[nodiscard]] std::size_t footprint() const noexcept { return footprint_; }

 private:
  struct Large {
    Large* next;
  };
  [[nodiscard]] std::byte* aligned(std::size_t alignment) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(next_);
    return reinterpret_cast<std::byte*>((at + alignment - 1) & ~(alignment - 1));
  }
  void* allocate_slow(std::size_t bytes, std::size_t alignment);

  ArenaPool& pool_;
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::byte* blocks_ = nullptr;  // each begins with a pointer to the one before
  Large* large_ = nullptr;
  std::size_t footprint_ = 0;
};

}  // namespace weir::http
