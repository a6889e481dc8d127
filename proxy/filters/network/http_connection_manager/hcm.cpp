// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/http_connection_manager/hcm.hpp"

#include <algorithm>
#include <cassert>

#include "proxy/filters/network/http_connection_manager/hcm_instance.hpp"
#include "proxy/filters/network/http_connection_manager/http1_session.hpp"

namespace weir::filters {
namespace {

/// What the routes of one that has them itself are, or what rds has brought so far.
std::shared_ptr<RouteTableSlot> find_routes(const HcmConfig& config,
                                            const InstanceContext& context) {
  if (config.rds && context.route_tables != nullptr)
    return context.route_tables->find_route_table(config.rds->name, context.worker.worker);
  auto slot = std::make_shared<RouteTableSlot>();
  slot->current = RouteTablePin(config.routes);
  return slot;
}

}  // namespace

std::vector<std::string> HttpConnectionManager::cluster_names() const {
  return config_.cluster_names();
}

std::string HttpConnectionManager::to_string() const {
  std::string text = "http_connection_manager '" + config_.stat_prefix + "'";
  if (config_.routes != nullptr) text += ", routes '" + config_.routes->config().name + "'";
  if (config_.rds) text += ", routes '" + config_.rds->name + "' (rds)";
  for (const HttpFilterEntry& entry : config_.filters) text += ", filter '" + entry.name + "'";
  return text;
}

std::unique_ptr<NetworkFilterInstance> HttpConnectionManager::instantiate(
    InstanceContext& context) const {
  auto instance = std::make_unique<HcmInstance>();
  const unsigned worker = context.worker.worker;
  instance->config = &config_;
  instance->worker = &context.worker;
  instance->stats = &context.stats.http(config_.stat_prefix, worker);
  instance->listener_stats =
      &context.stats.listener_http(context.listener->stats_name(), config_.stat_prefix, worker);
  instance->http1_stats = &context.stats.http1(worker);
  instance->http2_stats = &context.stats.http2(worker);
  instance->clusters = &context.clusters;
  instance->health_check_failed = context.health_check_failed;
  instance->routes = find_routes(config_, context);
  instance->filters_by_route =
      std::any_of(config_.filters.begin(), config_.filters.end(),
                  [](const HttpFilterEntry& entry) { return entry.disabled; });
  for (const HttpFilterEntry& entry : config_.filters) {
    // The registry makes nothing else.
    const auto* const factory = dynamic_cast<const HttpFilterFactory*>(entry.filter.get());
    assert(factory != nullptr);
    HttpInstanceContext inner{context,
                              entry.name,
                              config_.stat_prefix,
                              context.service_cluster,
                              context.health_check_failed,
                              config_.routes != nullptr ? &config_.routes->config() : nullptr};
    instance->filters.push_back({&entry, factory->instantiate(inner)});
  }
  for (const auto& log : config_.access_logs)
    instance->access_logs.push_back(context.access_logs.find_access_log(log));
  return instance;
}

http_client::ClusterPool* HcmInstance::find_pool(std::string_view cluster) const {
  return cluster.empty() ? nullptr : clusters->find_pool(cluster);
}

void HcmInstance::on_connection(tcp::DownstreamConnection&& connection) {
  auto* const session = worker->sessions.make<Http1Session>(*this, std::move(connection));
  worker->connections.add(*session);
  session->start();
}

}  // namespace weir::filters
