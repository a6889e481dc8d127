// SPDX-License-Identifier: Apache-2.0
#include "proxy/http/arena.hpp"

#include <cstdint>

namespace weir::http {

Arena::~Arena() {
  while (blocks_ != nullptr) {
    std::byte* previous = nullptr;
    std::memcpy(&previous, blocks_, sizeof previous);
    pool_.give_back(std::exchange(blocks_, previous));
  }
  while (large_ != nullptr) {
    Large* const next = large_->next;
    ::operator delete(std::exchange(large_, next));
  }
}

void* Arena::allocate_slow(std::size_t bytes, std::size_t alignment) {
  constexpr std::size_t kHeader = alignof(std::max_align_t);
  static_assert(sizeof(Large) <= kHeader);
  if (bytes > ArenaPool::kBlock / 2) {
    void* const memory = ::operator new(kHeader + bytes);
    large_ = new (memory) Large{large_};
    footprint_ += kHeader + bytes;
    return static_cast<std::byte*>(memory) + kHeader;
  }
  std::byte* const block = pool_.take();
  footprint_ += ArenaPool::kBlock;
  std::memcpy(block, &blocks_, sizeof blocks_);
  blocks_ = block;
  next_ = block + kHeader;
  end_ = block + ArenaPool::kBlock;
  std::byte* const at = aligned(alignment);
  next_ = at + bytes;
  return at;
}

}  // namespace weir::http
