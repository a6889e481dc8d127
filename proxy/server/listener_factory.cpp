// SPDX-License-Identifier: Apache-2.0
#include "proxy/server/listener_factory.hpp"

#include <cassert>
#include <utility>

namespace weir::server {
namespace {

using listener::ChainRun;
using listener::SharedListener;

std::shared_ptr<ChainRun> make_chain(const std::shared_ptr<const SharedListener>& shared,
                                     const config::FilterChainConfig* chain,
                                     filters::InstanceContext& context) {
  auto run = std::make_shared<ChainRun>();
  run->made_for = shared;
  if (chain == nullptr || chain->filters.empty()) return run;
  // The registry makes nothing but NetworkFilters; the configuration layer only cannot name them.
  const auto* filter = dynamic_cast<const filters::NetworkFilter*>(chain->filters.back().get());
  assert(filter != nullptr);
  run->instance = filter->instantiate(context);
  return run;
}

void add_chains(const std::shared_ptr<const SharedListener>& shared,
                const std::vector<bool>& taken_over, filters::InstanceContext& context,
                listener::WorkerListener& out) {
  const config::ListenerConfig& config = *shared->config;
  const auto add = [&](const config::FilterChainConfig* chain) {
    const std::size_t place = out.chains.size();
    const bool comes = place < taken_over.size() && taken_over[place];
    out.chains.push_back(comes ? nullptr : make_chain(shared, chain, context));
  };
  for (const auto& chain : config.filter_chains) add(&chain);
  add(config.default_filter_chain ? &*config.default_filter_chain : nullptr);
}

void add_listener_filters(const config::ListenerConfig& config, filters::InstanceContext& context,
                          listener::WorkerListener& out) {
  for (const auto& entry : config.listener_filters) {
    const auto* filter = dynamic_cast<const filters::ListenerFilter*>(entry.filter.get());
    assert(filter != nullptr);
    out.listener_filters.push_back(
        {filter->instantiate(context), entry.disabled ? &*entry.disabled : nullptr});
  }
  const bool restores_first =
      !config.listener_filters.empty() && !config.listener_filters.front().disabled &&
      config.listener_filters.front().filter->name() == "envoy.filters.listener.original_dst";
  bool any_wildcard = false;
  for (const auto& address : config.addresses)
    any_wildcard |= address.address.endpoint.address.is_any();
  out.wants_local_address = any_wildcard && !restores_first;
}

}  // namespace

ListenerRef make_worker_listener(const std::shared_ptr<const SharedListener>& shared, ListenerId id,
                                 const std::vector<bool>& taken_over, Worker& worker,
                                 const FilterSurroundings& around) {
  const config::ListenerConfig& config = *shared->config;
  ListenerRef made(new listener::WorkerListener(shared, worker.retired_listeners()));
  made->runtime.index = id;
  made->runtime.stats = &around.stats.listener(config.stats_name(), worker.context().worker);
  if (config.connection_limit) made->runtime.connections = shared->connections.get();
  for (const auto& log : config.access_logs)
    made->runtime.access_logs.push_back(around.access_logs.find_access_log(log));
  filters::InstanceContext context{worker.context(),
                                   &config,
                                   around.stats,
                                   worker.clusters(),
                                   around.access_logs,
                                   around.service_cluster,
                                   around.health_check_failed,
                                   around.route_tables};
  add_listener_filters(config, context, *made);
  add_chains(shared, taken_over, context, *made);
  return made;
}

}  // namespace weir::server
