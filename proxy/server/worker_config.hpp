// SPDX-License-Identifier: Apache-2.0
// WorkerConfig: one worker's instances of one configuration; alive as long as a connection uses it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/filters/filter.hpp"
#include "proxy/listener/intake.hpp"
#include "proxy/server/runtime_config.hpp"

namespace weir::server {

/// Made before the worker's thread runs or on it; from then on used on that thread only.
class WorkerConfig final : public tcp::WorkerRef, public filters::ClusterLookup {
 public:
  /// The maker holds the first reference: it ends with release().
  WorkerConfig(std::shared_ptr<RuntimeConfig> runtime, filters::WorkerContext& worker,
               stats::StatsStore& stats, filters::AccessLogLookup& access_logs,
               const std::vector<std::shared_ptr<const upstream::HostSet>>& hosts);

  void retain() noexcept override { ++references_; }
  void release() noexcept override {
    if (--references_ == 0) delete this;
  }
  upstream::WorkerCluster* find_cluster(std::string_view name) override;
  http_client::ClusterPool* find_pool(std::string_view name) override;

  listener::Intake& intake() noexcept { return intake_; }
  listener::WorkerListener& listener(std::size_t index) noexcept { return listeners_[index]; }
  upstream::WorkerCluster& cluster(std::size_t index) noexcept { return clusters_[index]; }
  void set_hosts(std::size_t cluster, std::shared_ptr<const upstream::HostSet> hosts);
  [[nodiscard]] const RuntimeConfig& runtime() const noexcept { return *runtime_; }
  void sweep_original_destinations();

 private:
  ~WorkerConfig() = default;
  void add_listener(std::size_t index, filters::WorkerContext& worker, stats::StatsStore& stats,
                    filters::AccessLogLookup& access_logs);

  std::shared_ptr<RuntimeConfig> runtime_;
  std::size_t references_ = 1;
  std::deque<upstream::WorkerCluster> clusters_;    // not movable
  std::deque<http_client::ClusterPool> pools_;      // one per cluster
  std::deque<listener::WorkerListener> listeners_;  // connections point into it
  listener::Intake intake_;
};

}  // namespace weir::server
