// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/tcp_proxy/tcp_proxy.hpp"

#include "proxy/filters/network/tcp_proxy/session.hpp"

namespace weir::filters {

std::vector<std::string> TcpProxyFilter::cluster_names() const {
  std::vector<std::string> names;
  for (const auto& target : config_.clusters) names.push_back(target.name);
  return names;
}

std::string TcpProxyFilter::to_string() const {
  std::string text = "tcp_proxy to";
  for (const auto& target : config_.clusters) {
    text += " cluster '" + target.name + "'";
    if (config_.clusters.size() > 1) text += " (weight " + std::to_string(target.weight) + ")";
  }
  return text;
}

std::unique_ptr<NetworkFilterInstance> TcpProxyFilter::instantiate(InstanceContext& context) const {
  auto instance = std::make_unique<TcpProxyInstance>();
  instance->config = &config_;
  instance->total_weight = config_.total_weight();
  instance->worker = &context.worker;
  instance->stats = &context.stats.tcp(config_.stat_prefix, context.worker.worker);
  instance->clusters = &context.clusters;
  for (const auto& target : config_.clusters)
    instance->targets.push_back({target.name, target.weight});
  for (const auto& log : config_.access_logs)
    instance->access_logs.push_back(context.access_logs.find_access_log(log));
  return instance;
}

}  // namespace weir::filters
