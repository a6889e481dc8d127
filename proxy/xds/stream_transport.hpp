// SPDX-License-Identifier: Apache-2.0
// StreamTransport: carries a DiscoveryStream through a cluster: connects to one of its hosts, makes
// the gRPC call, and connects again when that has ended.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "proxy/config/cluster_config.hpp"
#include "proxy/upstream/host_set.hpp"
#include "proxy/upstream/load_balancer.hpp"
#include "proxy/upstream/random.hpp"
#include "proxy/xds/discovery_stream.hpp"
#include "proxy/xds/grpc_call.hpp"

namespace weir::xds {

/// The cluster that a control plane is reached through, as it is now.
class ClusterView {
 public:
  [[nodiscard]] virtual const std::string& name() const = 0;
  /// nullptr: there is no such cluster.
  [[nodiscard]] virtual std::shared_ptr<const config::ClusterConfig> config() const = 0;
  /// Not null while config() is not.
  [[nodiscard]] virtual std::shared_ptr<const upstream::HostSet> hosts() const = 0;

 protected:
  ~ClusterView() = default;
};

/// Main thread only. Held by shared_ptr; stop() ends it, and nothing is called afterwards.
class StreamTransport : public std::enable_shared_from_this<StreamTransport> {
 public:
  /// `io`, `stream` and `cluster` outlive stop(). `request.path` belongs to what the stream serves;
  /// without an authority it is the cluster's name.
  StreamTransport(asio::io_context& io, DiscoveryStream& stream, const ClusterView& cluster,
                  GrpcRequest request, std::uint64_t seed);

  void start() { wake(); }
  /// Not from inside a function of the stream's consumer.
  void stop();
  /// Something was subscribed to, resumed or given up: requests go out once whoever calls has
  /// returned.
  void wake();
  /// The cluster's configuration or hosts have changed: a connection that it would not make like
  /// that any more is closed, and made anew at once.
  void cluster_changed();

 private:
  [[nodiscard]] bool stopped() const noexcept { return stream_ == nullptr; }
  template <class Handler>
  auto guarded(Handler&& handler);

  void pump();
  void follow_cluster();
  [[nodiscard]] std::string outdated() const;
  void connect();
  Result<void> open_socket();
  void on_connected();
  void exchange_messages();
  void send_requests();
  void write_some();
  void read();
  void arm_timer();
  void arm_ping();
  void on_connect_timeout();
  void on_ping_timer();
  void drop(std::string_view reason);
  void close();

  asio::io_context& io_;
  DiscoveryStream* stream_;
  const ClusterView* cluster_;
  GrpcRequest request_;
  upstream::Random random_;
  upstream::LoadBalancer balancer_;
  asio::steady_timer timer_;             // of the stream
  std::optional<TimePoint> armed_;       // when timer_ fires, or fired
  asio::steady_timer connection_timer_;  // connecting, then pings
  asio::ip::tcp::socket socket_;

  // Of the connection, or of the last attempt at one.
  std::shared_ptr<const config::ClusterConfig> config_;
  std::shared_ptr<const upstream::HostSet> hosts_;
  std::shared_ptr<const upstream::Host> host_;
  std::shared_ptr<const upstream::Host> failed_;  // the host to avoid next time

  std::unique_ptr<GrpcCall> call_;  // null until the connection is there
  std::unique_ptr<char[]> incoming_;
  std::string outgoing_;
  std::uint32_t connection_ = 0;  // counts them
  bool connecting_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool awake_ = false;  // pump() is about to be called
  bool cluster_changed_ = false;
};

}  // namespace weir::xds
