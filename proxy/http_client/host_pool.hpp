// SPDX-License-Identifier: Apache-2.0
// HostPool: the HTTP connections of one worker to one host, and the requests that wait for one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/http_client/cluster_pool.hpp"

namespace weir::http_client {

class ClientConnection;

/// Connections in one of two lists: idle (the most recently used first) and all others.
class HostPool {
 public:
  HostPool(ClusterPool& owner, ClusterPool::Key key, std::shared_ptr<const upstream::Host> host)
      : owner_(owner), key_(std::move(key)), host_(std::move(host)) {}
  HostPool(const HostPool&) = delete;
  HostPool& operator=(const HostPool&) = delete;
  ~HostPool();

  std::optional<ResetReason> request(const RequestOptions& options, Waiting& waiting,
                                     ExchangeEvents& events, std::string& detail);
  /// Closes what is idle; nothing is kept from now on.
  void drain();
  /// As drain(), for the connections that are there now: more may be made.
  void drain_connections();

  // From its connections.
  /// Can take an exchange now. Serves who waits, or keeps the connection.
  void available(ClientConnection& connection);
  /// Takes no more exchanges for now.
  void unavailable(ClientConnection& connection) noexcept;
  /// Connecting has succeeded.
  void opened(ClientConnection& connection) noexcept;
  /// Connecting has failed: everybody who waits is told.
  void connect_failed(ClientConnection& connection, ResetReason reason, std::string_view detail);
  /// The connection is about to be destroyed. May destroy the pool.
  void gone(ClientConnection& connection);

  [[nodiscard]] Environment& environment() noexcept { return owner_.environment_; }
  [[nodiscard]] upstream::WorkerCluster& cluster() noexcept { return owner_.cluster_; }
  [[nodiscard]] const std::shared_ptr<const upstream::Host>& host() const noexcept { return host_; }
  [[nodiscard]] bool draining() const noexcept { return draining_; }

 private:
  friend class ClusterPool;
  friend class Waiting;
  class Work;
  std::optional<ResetReason> open(const RequestOptions& options, std::string& detail);
  ClientConnection* make_connection(bool http2);
  static void put(ClientConnection*& list, ClientConnection& connection) noexcept;
  static void take_out(ClientConnection*& list, ClientConnection& connection) noexcept;
  void enqueue(Waiting& waiting, ExchangeEvents& events);
  void dequeue(Waiting& waiting) noexcept;
  [[nodiscard]] bool unused() const noexcept {
    return connections_ == 0 && first_waiting_ == nullptr;
  }

  ClusterPool& owner_;
  const ClusterPool::Key key_;
  const std::shared_ptr<const upstream::Host> host_;
  ClientConnection* ready_ = nullptr;  // can take an exchange; the most recently used first
  ClientConnection* others_ = nullptr;
  Waiting* first_waiting_ = nullptr;
  Waiting* last_waiting_ = nullptr;
  std::uint32_t waiting_ = 0;
  std::uint32_t connections_ = 0;
  std::uint32_t connecting_ = 0;
  std::uint32_t connecting_capacity_ = 0;  // exchanges that those can take once they are open
  RequestOptions options_;                 // of the last connection
  bool draining_ = false;
  bool opening_ = false;  // inside open()
  bool inside_ = false;   // a call to the outside is under way: not to be destroyed
};

}  // namespace weir::http_client
