// SPDX-License-Identifier: Apache-2.0
// ConnectionSlot: one connection's share of the process-wide limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace weir::tcp {

/// How many downstream connections the process takes. Shared by all workers.
struct ConnectionLimit {
  std::uint32_t maximum = UINT32_MAX;
  std::atomic<std::uint32_t> active{0};
};

/// Held by a connection from accept to end.
class ConnectionSlot {
 public:
  ConnectionSlot() = default;  // takes no share
  ConnectionSlot(ConnectionSlot&& other) noexcept : limit_(std::exchange(other.limit_, nullptr)) {}
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept {
    std::swap(limit_, other.limit_);
    return *this;
  }
  ~ConnectionSlot() {
    if (limit_ != nullptr) limit_->active.fetch_sub(1, std::memory_order_relaxed);
  }

  /// nullopt when the limit is reached and `enforce` is set.
  static std::optional<ConnectionSlot> take(ConnectionLimit& limit, bool enforce) {
    if (limit.active.fetch_add(1, std::memory_order_relaxed) >= limit.maximum && enforce) {
      limit.active.fetch_sub(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    ConnectionSlot slot;
    slot.limit_ = &limit;
    return slot;
  }

 private:
  ConnectionLimit* limit_ = nullptr;
};

}  // namespace weir::tcp
