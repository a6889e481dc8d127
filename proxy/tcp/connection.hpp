// SPDX-License-Identifier: Apache-2.0
// Connection: what a worker knows of every live connection, whatever filter serves it.
#pragma once

#include <cstdint>

#include "proxy/config/listener_config.hpp"
#include "proxy/tcp/end_reason.hpp"

namespace weir::upstream {
struct Host;
}

namespace weir::tcp {

/// A place in a worker's list of connections; leaves the list when destroyed.
class ConnectionLink {
 public:
  ConnectionLink(const ConnectionLink&) = delete;
  ConnectionLink& operator=(const ConnectionLink&) = delete;

 protected:
  ConnectionLink() = default;
  ~ConnectionLink() {
    if (next_ == nullptr) return;
    next_->previous_ = previous_;
    previous_->next_ = next_;
  }

 private:
  friend class ConnectionList;
  ConnectionLink* next_ = nullptr;
  ConnectionLink* previous_ = nullptr;
};

/// A live connection. Worker thread only.
class Connection : public ConnectionLink {
 public:
  /// Ends it now, with that reason. The object is gone afterwards.
  virtual void end(EndReason reason) = 0;
  /// The proxy is about to end: finishes what is under way, then ends. `idle_too`: also when
  /// nothing is under way, before long. What cannot tell its peer goes on.
  virtual void drain(bool /*idle_too*/) {}
  [[nodiscard]] virtual config::TrafficDirection direction() const = 0;
  /// NetworkFilterInstance::drain_round of who serves it; 0: its filter chain is in force.
  [[nodiscard]] virtual std::uint64_t drain_round() const { return 0; }
  /// The one host that all of it goes to; nullptr: none yet, or it differs from request to request.
  [[nodiscard]] virtual const upstream::Host* upstream_host() const { return nullptr; }

 protected:
  Connection() = default;
  ~Connection() = default;
};

/// The live connections of one worker.
class ConnectionList {
 public:
  ConnectionList() { head_.next_ = head_.previous_ = &head_; }
  ConnectionList(const ConnectionList&) = delete;
  ConnectionList& operator=(const ConnectionList&) = delete;

  void add(Connection& connection) noexcept {
    ConnectionLink& link = connection;
    link.next_ = &head_;
    link.previous_ = head_.previous_;
    head_.previous_->next_ = &link;
    head_.previous_ = &link;
  }
  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }

  /// Ends every connection for which `which(connection)` is true. end() may remove the connection
  /// it is called on only.
  template <class Predicate>
  void end_if(EndReason reason, Predicate&& which) {
    visit([&](Connection& connection) {
      if (which(connection)) connection.end(reason);
    });
  }

  /// Calls `visitor` with every connection; it may remove the one that it is called with only.
  template <class Visitor>
  void visit(Visitor&& visitor) {
    for (ConnectionLink* at = head_.next_; at != &head_;) {
      ConnectionLink* next = at->next_;
      visitor(static_cast<Connection&>(*at));  // add() takes nothing else
      at = next;
    }
  }

 private:
  struct Head final : ConnectionLink {};
  Head head_;
};

}  // namespace weir::tcp
