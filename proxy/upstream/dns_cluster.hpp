// SPDX-License-Identifier: Apache-2.0
// DnsCluster: keeps the hosts of one STRICT_DNS or LOGICAL_DNS cluster current.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "proxy/config/cluster_config.hpp"
#include "proxy/stats/main_blocks.hpp"
#include "proxy/upstream/dns_resolver.hpp"
#include "proxy/upstream/host_set.hpp"

namespace weir::upstream {

/// When to look a name up again: the answer's TTL if the cluster respects it and there is one, else
/// the refresh rate; plus up to a tenth, by `random`, so that proxies that started together do not
/// ask together.
std::chrono::milliseconds refresh_delay(const config::ClusterConfig& cluster,
                                        std::chrono::seconds ttl, std::uint32_t random);

/// When to look up again after the `failures`-th failure in a row (from 1):
/// dns_failure_refresh_rate, its base doubled for each failure up to its most; without one, the
/// refresh rate. Plus up to a tenth, by `random`.
std::chrono::milliseconds retry_delay(const config::ClusterConfig& cluster, unsigned failures,
                                      std::uint32_t random);

/// Looks up each endpoint's name on its own schedule. STRICT_DNS: every address is a host.
/// LOGICAL_DNS: the first address of the first endpoint is the host. A failed lookup and an empty
/// answer keep what was known.
class DnsCluster {
 public:
  using OnHosts = std::function<void(std::shared_ptr<const HostSet>)>;

  /// `on_hosts`: after each change. `on_first_round`: once, when every name was looked up. Neither
  /// is called from start() nor after destruction. The references outlive the cluster.
  DnsCluster(asio::io_context& io, DnsResolver& resolver, stats::ClusterHostStats& stats,
             std::shared_ptr<const config::ClusterConfig> config, unsigned workers,
             std::uint32_t seed, OnHosts on_hosts, std::function<void()> on_first_round);
  ~DnsCluster();

  void start();

 private:
  struct Target;
  void look_up(std::size_t index);
  void on_answer(std::size_t index, Result<DnsAnswer> result);
  void apply(Target& target, const DnsAnswer& answer);
  void rebuild();
  void schedule(std::size_t index, std::chrono::milliseconds delay);

  DnsResolver& resolver_;
  stats::ClusterHostStats& stats_;
  const std::shared_ptr<const config::ClusterConfig> config_;
  const unsigned workers_;
  std::minstd_rand random_;
  const OnHosts on_hosts_;
  const std::function<void()> on_first_round_;
  std::vector<std::unique_ptr<Target>> targets_;
  std::size_t first_lookups_left_ = 0;
  std::shared_ptr<const HostSet> hosts_;
  std::shared_ptr<int> alive_ =
      std::make_shared<int>(0);  // a timer that fired may still be queued when we go
};

}  // namespace weir::upstream
