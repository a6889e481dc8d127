// SPDX-License-Identifier: Apache-2.0
// ListenerUse: a connection's hold on the listener that owns it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "proxy/access_log/opened_access_log.hpp"
#include "proxy/config/listener_config.hpp"
#include "proxy/stats/blocks.hpp"

namespace weir::tcp {

/// Keeps the runtime objects of one version of a listener on one worker alive while connections use
/// them. A plain count: it never leaves its thread.
class WorkerRef {
 public:
  virtual void retain() noexcept = 0;
  virtual void release() noexcept = 0;  // may destroy the object

 protected:
  ~WorkerRef() = default;
};

/// One listener as one worker runs it: what connections need to know of it.
struct ListenerRuntime {
  std::size_t index = 0;  // of the listener in this process; every version of it has the same
  const config::ListenerConfig* config = nullptr;
  stats::ListenerStats* stats = nullptr;
  WorkerRef* owner = nullptr;
  /// Connections of this listener on all workers; null when the listener has no limit of its own.
  std::atomic<std::uint32_t>* connections = nullptr;
  std::vector<access_log::OpenedAccessLog>
      access_logs;  // Listener.access_log: one record per connection
};

/// Counts a connection in its listener (downstream_cx_total, _active, _destroy) and keeps the
/// version of the listener that the connection began with alive.
class ListenerUse {
 public:
  explicit ListenerUse(const ListenerRuntime& listener) noexcept : listener_(&listener) {
    listener.owner->retain();
    listener.stats->downstream_cx_total.add();
    listener.stats->downstream_cx_active.add();
    if (listener.connections != nullptr)
      listener.connections->fetch_add(1, std::memory_order_relaxed);
  }
  ListenerUse(ListenerUse&& other) noexcept : listener_(std::exchange(other.listener_, nullptr)) {}
  ListenerUse& operator=(ListenerUse&& other) noexcept {
    std::swap(listener_, other.listener_);
    return *this;
  }
  ~ListenerUse() {
    if (listener_ == nullptr) return;
    listener_->stats->downstream_cx_active.sub();
    listener_->stats->downstream_cx_destroy.add();
    if (listener_->connections != nullptr)
      listener_->connections->fetch_sub(1, std::memory_order_relaxed);
    listener_->owner->release();
  }
  const ListenerRuntime& operator*() const noexcept { return *listener_; }
  const ListenerRuntime* operator->() const noexcept { return listener_; }

 private:
  const ListenerRuntime* listener_;
};

}  // namespace weir::tcp
