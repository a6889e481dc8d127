// SPDX-License-Identifier: Apache-2.0
// ClusterPool: the HTTP connections of one worker to the hosts of one cluster.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "proxy/http_client/environment.hpp"
#include "proxy/http_client/exchange.hpp"
#include "proxy/upstream/connector.hpp"
#include "proxy/upstream/worker_cluster.hpp"

namespace weir::http_client {

class HostPool;

/// What the connection that serves a request may depend on.
struct RequestOptions {
  std::optional<upstream::ClientSource> source;  // upstream connections show the client's address
  upstream::LoopGuard::Origin origin;            // who opens it, for the loop guard
  bool inherited_mark = false;  // the client is a marked upstream socket: mark at once
  upstream::LimitPriority priority = upstream::LimitPriority::normal;
  bool http2 = false;  // for clusters that speak what the client speaks
};

/// A request that waits for a connection. Embedded in whoever waits; leaves the queue when
/// destroyed.
class Waiting {
 public:
  Waiting() = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { leave(); }

  [[nodiscard]] bool waits() const noexcept { return pool_ != nullptr; }
  /// Takes it out of the queue: no call will come.
  void leave() noexcept;

 private:
  friend class HostPool;
  HostPool* pool_ = nullptr;
  ExchangeEvents* events_ = nullptr;
  upstream::LimitUse place_;  // against max_pending_requests
  upstream::LimitPriority priority_ = upstream::LimitPriority::normal;
  Waiting* next_ = nullptr;
  Waiting* previous_ = nullptr;
};

/// Worker thread only. Ends its connections when destroyed; no exchange may be under way then.
class ClusterPool {
 public:
  ClusterPool(Environment& environment, upstream::WorkerCluster& cluster);
  ClusterPool(const ClusterPool&) = delete;
  ClusterPool& operator=(const ClusterPool&) = delete;
  ~ClusterPool();

  [[nodiscard]] upstream::WorkerCluster& cluster() noexcept { return cluster_; }

  /// Finds or opens a connection to `host`. Calls events.on_ready() before it returns when one was
  /// idle; else later, or on_reset(). @return nullopt, or why nothing was begun (overflow,
  /// connect_failed: `detail` says what).
  std::optional<ResetReason> request(const std::shared_ptr<const upstream::Host>& host,
                                     const RequestOptions& options, Waiting& waiting,
                                     ExchangeEvents& events, std::string& detail);

  /// Idle connections to hosts that `hosts` does not hold are closed; busy ones after their
  /// exchange.
  void hosts_changed(const upstream::HostSet& hosts);
  /// Closes what is idle; what is busy closes after its exchange.
  void drain();

 private:
  friend class HostPool;
  struct Key {
    const upstream::Host* host = nullptr;
    std::optional<Endpoint> source;  // port 0: any port of the client's
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      const std::size_t host = std::hash<const void*>{}(key.host);
      return key.source ? host ^ (EndpointHash{}(*key.source) * 31) : host;
    }
  };
  HostPool& pool_of(const std::shared_ptr<const upstream::Host>& host,
                    const RequestOptions& options);
  void host_failed(const upstream::Host& host);
  void forget(HostPool& pool);

  Environment& environment_;
  upstream::WorkerCluster& cluster_;
  std::unordered_map<Key, std::unique_ptr<HostPool>, KeyHash> pools_;
  HostPool* last_ = nullptr;  // the pool that the last request used
};

}  // namespace weir::http_client
