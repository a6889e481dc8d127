// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/dns_cluster.hpp"

#include <algorithm>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "common/log.hpp"
#include "proxy/upstream/host_set_builder.hpp"

namespace weir::upstream {

namespace {

std::chrono::milliseconds with_jitter(std::chrono::milliseconds wanted, std::uint32_t random) {
  const auto base = std::max(wanted, std::chrono::milliseconds(1));
  return base + std::chrono::milliseconds(random % (base.count() / 10 + 1));
}

}  // namespace

std::chrono::milliseconds refresh_delay(const config::ClusterConfig& cluster,
                                        std::chrono::seconds ttl, std::uint32_t random) {
  return with_jitter(cluster.respect_dns_ttl && ttl.count() > 0 ? ttl : cluster.dns_refresh_rate,
                     random);
}

std::chrono::milliseconds retry_delay(const config::ClusterConfig& cluster, unsigned failures,
                                      std::uint32_t random) {
  if (!cluster.dns_failure_refresh_rate) return with_jitter(cluster.dns_refresh_rate, random);
  const auto [base, most] = *cluster.dns_failure_refresh_rate;
  auto delay = base;
  for (unsigned i = 1; i < failures && delay < most; ++i) delay *= 2;
  return with_jitter(std::min(delay, std::max(base, most)), random);
}

struct DnsCluster::Target {
  Target(asio::io_context& io, const config::EndpointConfig& endpoint)
      : resolved{&endpoint, {}}, timer(io) {}
  ResolvedEndpoint resolved;
  DnsQuery query;
  asio::steady_timer timer;
  bool looked_up = false;
  unsigned failures = 0;  // in a row
};

DnsCluster::DnsCluster(asio::io_context& io, DnsResolver& resolver, stats::ClusterHostStats& stats,
                       std::shared_ptr<const config::ClusterConfig> config, unsigned workers,
                       std::uint32_t seed, OnHosts on_hosts, std::function<void()> on_first_round)
    : resolver_(resolver),
      stats_(stats),
      config_(std::move(config)),
      workers_(workers),
      random_(seed),
      on_hosts_(std::move(on_hosts)),
      on_first_round_(std::move(on_first_round)),
      hosts_(std::make_shared<HostSet>()) {
  for (const config::EndpointConfig& endpoint : config_->endpoints) {
    targets_.push_back(std::make_unique<Target>(io, endpoint));
    if (config_->discovery == config::DiscoveryType::logical_dns) break;
  }
  first_lookups_left_ = targets_.size();
}

DnsCluster::~DnsCluster() = default;

void DnsCluster::start() {
  for (std::size_t i = 0; i < targets_.size(); ++i) look_up(i);
}

void DnsCluster::look_up(std::size_t index) {
  Target& target = *targets_[index];
  stats_.update_attempt.add();
  target.query =
      resolver_.resolve(target.resolved.endpoint->host, config_->dns_lookup_family,
                        [this, index](Result<DnsAnswer> r) { on_answer(index, std::move(r)); });
}

void DnsCluster::on_answer(std::size_t index, Result<DnsAnswer> result) {
  Target& target = *targets_[index];
  const bool failed = !result;
  if (failed) {
    stats_.update_failure.add();
    if (target.failures == 0)
      log::warning(log::Component::dns, "cluster '{}': {}; the {} known addresses stay in use",
                   config_->name, result.error().message, target.resolved.addresses.size());
  } else if (result->addresses.empty()) {
    stats_.update_empty.add();
  } else {
    stats_.update_success.add();
    apply(target, *result);
  }
  target.failures = failed ? target.failures + 1 : 0;
  const auto random = static_cast<std::uint32_t>(random_());
  schedule(index, failed ? retry_delay(*config_, target.failures, random)
                         : refresh_delay(*config_, result->ttl, random));
  if (!std::exchange(target.looked_up, true) && --first_lookups_left_ == 0) on_first_round_();
}

void DnsCluster::apply(Target& target, const DnsAnswer& answer) {
  if (config_->discovery == config::DiscoveryType::logical_dns)
    target.resolved.addresses = {answer.addresses.front()};
  else
    target.resolved.addresses = merge_addresses(target.resolved.addresses, answer.addresses);
  rebuild();
}

void DnsCluster::rebuild() {
  std::vector<ResolvedEndpoint> endpoints;
  for (const auto& target : targets_) endpoints.push_back(target->resolved);
  auto fresh = build_dns_hosts(endpoints, hosts_, workers_);
  if (fresh == hosts_) {
    stats_.update_no_rebuild.add();
    return;
  }
  hosts_ = std::move(fresh);
  on_hosts_(hosts_);
}

void DnsCluster::schedule(std::size_t index, std::chrono::milliseconds delay) {
  Target& target = *targets_[index];
  if (IpAddress::parse(target.resolved.endpoint->host)) return;  // a literal never changes
  target.timer.expires_after(delay);
  target.timer.async_wait([this, index, alive = std::weak_ptr(alive_)](const std::error_code& e) {
    if (!e && !alive.expired()) look_up(index);
  });
}

}  // namespace weir::upstream
