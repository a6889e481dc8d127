// SPDX-License-Identifier: Apache-2.0
#include "proxy/http_client/cluster_pool.hpp"

#include <algorithm>

#include "proxy/http_client/host_pool.hpp"

namespace weir::http_client {

ClusterPool::ClusterPool(Environment& environment, upstream::WorkerCluster& cluster)
    : environment_(environment), cluster_(cluster) {
  cluster_.set_on_host_failed([this](const upstream::Host& host) { host_failed(host); });
}

ClusterPool::~ClusterPool() { cluster_.set_on_host_failed({}); }

HostPool& ClusterPool::pool_of(const std::shared_ptr<const upstream::Host>& host,
                               const RequestOptions& options) {
  if (last_ != nullptr && last_->host_ == host && !options.source && !last_->key_.source)
    return *last_;
  Key key{host.get(), std::nullopt};
  if (options.source) {
    key.source = options.source->client.endpoint;
    if (!options.source->keeping.bind_port) key.source->port = 0;
  }
  auto& pool = pools_[key];
  if (pool == nullptr) pool = std::make_unique<HostPool>(*this, key, host);
  last_ = pool.get();
  return *pool;
}

std::optional<ResetReason> ClusterPool::request(const std::shared_ptr<const upstream::Host>& host,
                                                const RequestOptions& options, Waiting& waiting,
                                                ExchangeEvents& events, std::string& detail) {
  return pool_of(host, options).request(options, waiting, events, detail);
}

void ClusterPool::hosts_changed(const upstream::HostSet& hosts) {
  std::vector<HostPool*> left_over;
  for (const auto& [key, pool] : pools_)
    if (std::find(hosts.hosts.begin(), hosts.hosts.end(), pool->host_) == hosts.hosts.end())
      left_over.push_back(pool.get());
  for (HostPool* pool : left_over) pool->drain();
}

/// What is kept to a host that failed would be the first to be used when it is back.
void ClusterPool::host_failed(const upstream::Host& host) {
  std::vector<HostPool*> failed;
  for (const auto& [key, pool] : pools_)
    if (key.host == &host) failed.push_back(pool.get());
  for (HostPool* pool : failed) pool->drain_connections();
}

void ClusterPool::drain() {
  std::vector<HostPool*> all;
  for (const auto& [key, pool] : pools_) all.push_back(pool.get());
  for (HostPool* pool : all) pool->drain();
}

void ClusterPool::forget(HostPool& pool) {
  if (last_ == &pool) last_ = nullptr;
  pools_.erase(pool.key_);
}

}  // namespace weir::http_client
