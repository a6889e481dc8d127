// SPDX-License-Identifier: Apache-2.0
// Connection: what a worker knows of every live connection, whatever filter serves it.
#pragma once

#include <cstddef>

#include "proxy/config/listener_config.hpp"
#include "proxy/tcp/end_reason.hpp"

namespace weir::tcp {

/// A live connection in its worker's list. Leaves the list when destroyed. Worker thread only.
class Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Ends it now, with that reason. The object is gone afterwards.
  virtual void end(EndReason reason) = 0;
  [[nodiscard]] virtual config::TrafficDirection direction() const = 0;

 protected:
  Connection() = default;
  ~Connection() { unlink(); }
  void unlink() noexcept {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
    next_ = previous_ = nullptr;
  }

 private:
  friend class ConnectionList;
  Connection* next_ = nullptr;
  Connection* previous_ = nullptr;
};

/// The live connections of one worker.
class ConnectionList {
 public:
  ConnectionList() { head_.next_ = head_.previous_ = &head_; }
  ~ConnectionList() { head_.next_ = head_.previous_ = nullptr; }
  ConnectionList(const ConnectionList&) = delete;
  ConnectionList& operator=(const ConnectionList&) = delete;

  void add(Connection& connection) noexcept {
    connection.next_ = &head_;
    connection.previous_ = head_.previous_;
    head_.previous_->next_ = &connection;
    head_.previous_ = &connection;
  }
  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }

  /// Ends every connection for which `which(connection)` is true. end() may remove the connection it is called on only.
  template <class Predicate>
  void end_if(EndReason reason, Predicate&& which) {
    for (Connection* at = head_.next_; at != &head_;) {
      Connection* next = at->next_;
      if (which(*at)) at->end(reason);
      at = next;
    }
  }

 private:
  struct Head final : Connection {
    void end(EndReason) override {}
    [[nodiscard]] config::TrafficDirection direction() const override {
      return config::TrafficDirection::unspecified;
    }
  };
  Head head_;
};

}  // namespace weir::tcp
