// SPDX-License-Identifier: Apache-2.0
// BlockPool: equal blocks from slabs, for the objects that come and go with connections.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "common/sanitizers.hpp"

namespace weir::io {

/// Hands out blocks of `kBlock` bytes from slabs of 64. Freed blocks are reused first, slabs are
/// never given back. Single thread.
template <std::size_t kBlock>
class BlockPool {
 public:
  /// Builds a T in a block. T must fit.
  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(sizeof(T) <= kBlock && alignof(T) <= alignof(std::max_align_t));
    if constexpr (kAddressSanitizer) {
      return new (::operator new(sizeof(T))) T(std::forward<Args>(args)...);
    }
    if (free_ == nullptr) grow();
    Free* block = free_;
    free_ = block->next;
    return new (block) T(std::forward<Args>(args)...);
  }

  template <class T>
  void destroy(T* object) noexcept {
    object->~T();
    if constexpr (kAddressSanitizer) {
      ::operator delete(object);
      return;
    }
    free_ = new (object) Free{free_};
  }

 private:
  static constexpr std::size_t kBlocksPerSlab = 64;
  struct Free {
    Free* next;
  };
  struct Slab {
    alignas(std::max_align_t) std::byte bytes[kBlock * kBlocksPerSlab];
  };

  void grow() {
    slabs_.push_back(
        std::unique_ptr<Slab>(new Slab));  // not value-initialised: untouched pages cost nothing
    for (std::size_t i = kBlocksPerSlab; i-- > 0;)
      free_ = new (slabs_.back()->bytes + i * kBlock) Free{free_};
  }

  Free* free_ = nullptr;
  std::vector<std::unique_ptr<Slab>> slabs_;
};

}  // namespace weir::io
