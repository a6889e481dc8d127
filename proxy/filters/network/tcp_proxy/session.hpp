// SPDX-License-Identifier: Apache-2.0
// TcpProxySession: one proxied connection: pick, connect, relay, end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/filters/network/tcp_proxy/tcp_proxy_config.hpp"
#include "proxy/tcp/relay.hpp"
#include "proxy/upstream/connector.hpp"

namespace weir::filters {

/// A tcp_proxy filter on one worker: the configuration with clusters, logs and statistics resolved.
struct TcpProxyInstance final : NetworkFilterInstance {
  struct Target {
    std::string name;  // as configured, for the log when it does not exist
    std::uint32_t weight = 1;
  };

  void on_connection(tcp::DownstreamConnection&& connection) override;

  const TcpProxyConfig* config = nullptr;
  WorkerContext* worker = nullptr;
  stats::TcpProxyStats* stats = nullptr;
  std::vector<Target> targets;  // at least one
  std::uint32_t total_weight = 0;
  ClusterLookup* clusters = nullptr;
  std::vector<access_log::OpenedAccessLog> access_logs;
};

/// Lives in a block of its worker from on_connection() until end(), where it destroys itself.
/// Everything that a connection needs only while it is being set up, or only when something was
/// unusual, is behind a pointer: the block is what an idle connection costs.
class TcpProxySession final : public tcp::Connection,
                              io::EventHandler,
                              io::TimerHandler,
                              io::Resumable {
 public:
  TcpProxySession(TcpProxyInstance& instance, tcp::DownstreamConnection&& connection);

  /// Picks a target and begins to connect. May end the session.
  void start();
  void end(tcp::EndReason reason) override;
  [[nodiscard]] config::TrafficDirection direction() const override;
  [[nodiscard]] std::uint64_t drain_round() const override { return instance_.drain_round; }
  [[nodiscard]] const upstream::Host* upstream_host() const override {
    return upstream_use_.host();
  }

 private:
  friend class io::BlockPool<kConnectionBlock>;
  ~TcpProxySession();

  enum Tag : std::uint32_t { kDownstream, kUpstream };
  enum class Phase : std::uint8_t { connecting, relaying };
  /// What only few sessions have.
  struct Rare {
    std::unique_ptr<tcp::InspectionResult> inspection;
    std::string transport_failure;  // why the last connect attempt failed
    std::optional<upstream::LoopGuard::Origin> loop_origin;
    std::optional<upstream::LoopGuard::Socket> marked;  // the upstream socket, while it is marked
  };

  void on_events(io::Events events, std::uint32_t tag) override;
  void on_timer() override;
  void on_resume() override;

  // Each returns false when the session has ended and `this` is gone.
  bool try_host(const upstream::Host* previous);
  bool begin_connect(const upstream::UpstreamUse& use);
  bool connect_failed(std::string reason, tcp::EndReason end_reason);
  bool on_connecting(io::Events events);
  bool on_connected();
  bool on_side(io::Events events, bool from_downstream);
  bool pump_upstream();    // downstream → upstream
  bool pump_downstream();  // upstream → downstream
  bool settle(tcp::RelayStatus status, bool from_downstream);
  void forward_rest(bool to_client);
  bool reset_by(bool downstream);

  [[nodiscard]] upstream::ConnectOptions connect_options() const;
  [[nodiscard]] bool would_loop(const UpstreamAddress& target) const;
  void mark_for_loop_guard(const UpstreamAddress& target);
  void unmark_for_loop_guard();
  void tune_long_lived();
  void arm_next();
  Rare& rare();
  void close_sockets();
  void tell_end(tcp::EndReason reason);
  void count_bytes(std::uint64_t up_before, std::uint64_t down_before);

  TcpProxyInstance& instance_;
  tcp::ConnectionSlot slot_;
  tcp::ListenerUse listener_;
  const config::FilterChainConfig* chain_;
  upstream::UpstreamUse upstream_use_;
  upstream::WorkerCluster* cluster_ = nullptr;  // retained
  std::unique_ptr<Rare> rare_;
  tcp::RelayDirection to_upstream_{true};
  tcp::RelayDirection to_downstream_{false};
  io::Timer timer_;
  io::SourceId downstream_source_;
  io::SourceId upstream_source_;
  UniqueFd downstream_;
  UniqueFd upstream_;
  std::uint64_t id_;
  std::chrono::steady_clock::time_point accepted_;
  std::chrono::system_clock::time_point start_;
  std::chrono::steady_clock::time_point last_activity_;
  DownstreamAddress peer_;
  OriginalDestination destination_;
  std::uint32_t source_mark_ = 0;
  std::uint8_t attempts_ = 0;
  Phase phase_ = Phase::connecting;
  tcp::ShortRead downstream_short_read_ : 2 = tcp::ShortRead::empties_queue;
  tcp::ShortRead upstream_short_read_ : 2 = tcp::ShortRead::empties_queue;
  bool restored_ : 1;
  bool downstream_writable_watched_ : 1 = false;
  bool tuned_long_lived_ : 1 = false;
  bool tuned_bulk_ : 1 = false;
  bool resuming_ : 1 = false;
  bool keeps_source_ : 1 = false;  // the upstream connection comes from peer_, with source_mark_
  bool keeps_source_port_ : 1 = false;
};

}  // namespace weir::filters
