// SPDX-License-Identifier: Apache-2.0
// ActiveCheck: checks one host again and again.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "proxy/config/cluster_config.hpp"
#include "proxy/stats/cluster_blocks.hpp"
#include "proxy/upstream/health/check_protocol.hpp"
#include "proxy/upstream/health/check_state.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

/// Main thread only. Held by shared_ptr; stop() ends it, and nothing is called afterwards.
class ActiveCheck : public std::enable_shared_from_this<ActiveCheck> {
 public:
  /// What all checks of a cluster have in common.
  struct Shared {
    asio::io_context& io;
    std::shared_ptr<const config::ClusterConfig> cluster;
    const config::HealthCheckConfig& check;
    stats::HealthCheckStats& stats;
    Random random;
    std::function<bool()> has_traffic;
    /// After each result. `first`: it was the host's first.
    std::function<void(const std::shared_ptr<const Host>& host, CheckTransition transition,
                       const CheckResult& result, bool first)>
        on_result;
  };

  /// `shared` outlives the check, or its stop().
  ActiveCheck(Shared& shared, std::shared_ptr<const Host> host);

  /// The first check comes within initial_jitter.
  void start();
  void stop();
  /// The host failed by what it told in traffic.
  void fail_now();

  [[nodiscard]] const std::shared_ptr<const Host>& host() const noexcept { return host_; }
  [[nodiscard]] bool is_new() const noexcept { return state_.is_new(); }

 private:
  void schedule(std::chrono::milliseconds delay);
  void check();
  void connect();
  void on_connected();
  void send(std::string bytes);
  void write_some();
  void read();
  void take(std::size_t size);
  void on_timeout();
  void finish(const CheckResult& result);
  void close();
  static CheckResult network(std::string reason);
  [[nodiscard]] bool stopped() const noexcept { return shared_ == nullptr; }
  /// Wraps a handler: it runs only when the connection is still the one it was made for.
  template <class Handler>
  auto guarded(Handler&& handler);

  Shared* shared_;
  const std::shared_ptr<const Host> host_;
  CheckState state_;
  asio::steady_timer interval_;
  asio::steady_timer timeout_;
  asio::ip::tcp::socket socket_;
  std::unique_ptr<CheckProtocol> protocol_;  // of the connection; null without one
  std::string outgoing_;                     // being written
  std::string waiting_;                      // to be written afterwards
  std::array<char, 4096> incoming_;
  std::uint32_t connection_ = 0;  // counts them
  bool under_way_ = false;
};

}  // namespace weir::upstream
