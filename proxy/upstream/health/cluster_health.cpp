// SPDX-License-Identifier: Apache-2.0
#include "proxy/upstream/health/cluster_health.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include "common/log.hpp"

namespace weir::upstream {
namespace {

bool keeps_leavers(const config::ClusterConfig& config) {
  return !config.health_checks.empty() && !config.ignore_health_on_removal;
}

/// The same host for everything but its counters and its health.
bool is_same_place(const Host& a, const Host& b) {
  return a.address == b.address && a.hostname == b.hostname && a.weight == b.weight &&
         a.priority == b.priority && a.region == b.region && a.zone == b.zone &&
         a.sub_zone == b.sub_zone && a.locality_weight == b.locality_weight;
}

}  // namespace

void count_membership(stats::ClusterHostStats& stats,
                      const std::vector<std::shared_ptr<const Host>>& hosts) {
  std::int64_t healthy = 0, degraded = 0, excluded = 0;
  std::uint32_t max_weight = 0;
  for (const auto& host : hosts) {
    const HealthState state = host->health.state();
    healthy += state == HealthState::healthy ? 1 : 0;
    degraded += state == HealthState::degraded ? 1 : 0;
    excluded += is_excluded(host->health.flags()) ? 1 : 0;
    max_weight = std::max(max_weight, host->weight);
  }
  stats.membership_total.set(static_cast<std::int64_t>(hosts.size()));
  stats.membership_healthy.set(healthy);
  stats.membership_degraded.set(degraded);
  stats.membership_excluded.set(excluded);
  stats.max_host_weight.set(max_weight);
}

bool ClusterHealth::is_needed(const config::ClusterConfig& config) {
  // The hosts of the others are not picked by their health.
  if (config.discovery == config::DiscoveryType::original_dst) return false;
  return !config.health_checks.empty() || config.outlier_detection.has_value();
}

ClusterHealth::ClusterHealth(asio::io_context& io, stats::StatsStore& stats,
                             std::shared_ptr<const config::ClusterConfig> config,
                             std::uint64_t seed, Callbacks callbacks)
    : io_(io),
      stats_(stats),
      config_(std::move(config)),
      callbacks_(std::move(callbacks)),
      interval_(io) {
  const std::string& name = config_->stats_name();
  const unsigned writer = stats_.workers();
  for (unsigned worker = 0; worker < stats_.workers(); ++worker)
    traffic_.push_back(&stats_.cluster(name, worker));
  if (config_->outlier_detection)
    outliers_.emplace(*config_->outlier_detection, stats_.outlier_detection(name, writer), seed);
  if (!config_->health_checks.empty())
    checker_.emplace(
        io_, config_, stats_.health_check(name, writer), seed, [this] { return has_traffic(); },
        [this](const auto& host, CheckTransition transition, const CheckResult& result,
               bool first) { on_check(host, transition, result, first); });
}

ClusterHealth::~ClusterHealth() = default;

void ClusterHealth::stop() {
  stopped_ = true;
  on_checked_ = nullptr;
  interval_.cancel();
  checker_.reset();
}

std::shared_ptr<const HealthReports> ClusterHealth::make_reports() {
  HealthReports::Callbacks callbacks;
  // Run on the workers: all they do is to post.
  if (outliers_)
    callbacks.on_streak = [&io = io_, weak = weak_from_this()](std::shared_ptr<const Host> host,
                                                               FailureKind kind) {
      asio::post(io, [weak, host = std::move(host), kind] {
        const auto self = weak.lock();
        if (self == nullptr || self->stopped_) return;
        self->apply(self->outliers_->on_streak(host, kind, std::chrono::steady_clock::now()));
      });
    };
  if (checker_)
    callbacks.on_immediate_failure = [&io = io_,
                                      weak = weak_from_this()](std::shared_ptr<const Host> host) {
      asio::post(io, [weak, host = std::move(host)] {
        const auto self = weak.lock();
        if (self != nullptr && !self->stopped_) self->checker_->fail_now(*host);
      });
    };
  return std::make_shared<HealthReports>(config_->outlier_detection, std::move(callbacks));
}

void ClusterHealth::set_hosts(const HostSet& found) {
  if (reports_ == nullptr) {
    reports_ = make_reports();
    if (outliers_) judge_every_interval();
  }
  epoch_ = found.epoch;
  for (const auto& host : found.hosts)
    if (outliers_ && host->outcomes.counts.empty())
      host->outcomes.counts = std::vector<OutcomeCounts>(stats_.workers());
  publish(merge(found.hosts));
}

ClusterHealth::Hosts ClusterHealth::merge(const Hosts& found) const {
  if (!keeps_leavers(*config_)) return found;
  std::unordered_map<Endpoint, std::shared_ptr<const Host>, EndpointHash> leavers;
  for (const auto& host : hosts_) leavers.emplace(host->address.endpoint, host);
  Hosts merged;
  for (const auto& host : found) {
    const auto known = leavers.find(host->address.endpoint);
    // Who comes back while he was still kept is the one that we know.
    const bool comes_back = known != leavers.end() && is_same_place(*known->second, *host);
    merged.push_back(comes_back ? known->second : host);
    merged.back()->health.clear(HealthFlag::pending_dynamic_removal);
    if (known != leavers.end()) leavers.erase(known);
  }
  for (const auto& host : hosts_) {
    if (!leavers.contains(host->address.endpoint)) continue;
    if (host->health.state() == HealthState::unhealthy) continue;
    host->health.set(HealthFlag::pending_dynamic_removal);
    merged.push_back(host);
  }
  return merged;
}

void ClusterHealth::publish(Hosts hosts) {
  hosts_ = std::move(hosts);
  if (checker_) checker_->set_hosts(hosts_);
  if (outliers_) outliers_->set_hosts(hosts_);
  auto set = std::make_shared<HostSet>();
  set->hosts = hosts_;
  set->epoch = epoch_;
  set->reports = reports_;
  callbacks_.publish(std::move(set));
}

void ClusterHealth::when_checked(std::function<void()> done) {
  if (checker_ && !checker_->all_checked()) {
    on_checked_ = std::move(done);
    return;
  }
  done();
}

void ClusterHealth::on_check(const std::shared_ptr<const Host>& host, CheckTransition transition,
                             const CheckResult& result, bool first) {
  log_check(*host, transition, result, first);
  const bool passed = !host->health.has(HealthFlag::failed_active_hc);
  if (transition == CheckTransition::changed) {
    if (passed && outliers_) apply(outliers_->on_check_passed(*host));
    after_change();
    if (!passed) callbacks_.on_failed(host);
    if (!passed) drop_failed_leavers();
  }
  if (first && on_checked_ && checker_->all_checked()) std::exchange(on_checked_, nullptr)();
}

void ClusterHealth::log_check(const Host& host, CheckTransition transition,
                              const CheckResult& result, bool first) const {
  const bool failed = host.health.has(HealthFlag::failed_active_hc);
  if (transition != CheckTransition::changed && !(first && failed)) return;
  const auto log = [&](std::string_view what, std::string_view why) {
    log::info(log::Component::upstream, "cluster '{}': host '{}' {}{}{}", config_->name,
              host.address.to_string(), what, why.empty() ? "" : ": ", why);
  };
  if (failed)
    log(first ? "has failed its first health check" : "has failed its health check", result.reason);
  else if (host.health.has(HealthFlag::degraded_active_hc))
    log("is degraded, says its health check", "");
  else
    log("passes its health check", "");
}

void ClusterHealth::drop_failed_leavers() {
  const auto goes = [](const std::shared_ptr<const Host>& host) {
    return host->health.has(HealthFlag::pending_dynamic_removal) &&
           host->health.has(HealthFlag::failed_active_hc);
  };
  Hosts hosts = hosts_;
  if (std::erase_if(hosts, goes) > 0) publish(std::move(hosts));
}

void ClusterHealth::apply(const OutlierDetector::Changes& changes) {
  if (changes.empty()) return;
  after_change();
  for (const HealthChange& change : changes) {
    log::info(log::Component::upstream, "cluster '{}': host '{}' {}", config_->name,
              change.host->address.to_string(), change.what);
    if (change.failed) callbacks_.on_failed(change.host);
  }
}

void ClusterHealth::after_change() {
  epoch_->raise();
  count_membership(stats_.cluster_hosts(config_->stats_name()), hosts_);
  if (checker_) checker_->count_health();
}

void ClusterHealth::judge_every_interval() {
  interval_.expires_after(config_->outlier_detection->interval);
  interval_.async_wait([weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr || self->stopped_) return;
    self->apply(self->outliers_->on_interval(std::chrono::steady_clock::now()));
    self->judge_every_interval();
  });
}

bool ClusterHealth::has_traffic() const {
  return std::any_of(traffic_.begin(), traffic_.end(), [](const auto* worker) {
    const stats::ClusterStats* const stats = worker->peek();
    return stats != nullptr && stats->upstream_cx_total.value() != 0;
  });
}

}  // namespace weir::upstream
