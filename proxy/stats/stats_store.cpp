// SPDX-License-Identifier: Apache-2.0
#include "proxy/stats/stats_store.hpp"

namespace weir::stats {
namespace {

template <class Block>
AlignedBlock<Block>* find_or_make(BlocksByName<Block>& blocks, std::string_view name,
                                  unsigned count) {
  auto found = blocks.find(name);
  if (found == blocks.end())
    found = blocks.emplace(name, std::make_unique<AlignedBlock<Block>[]>(count)).first;
  return found->second.get();
}

}  // namespace

StatsStore::StatsStore(unsigned workers)
    : workers_(workers),
      tls_inspectors_(std::make_unique<AlignedBlock<TlsInspectorStats>[]>(workers)),
      end_reasons_(std::make_unique<AlignedBlock<EndReasonStats>[]>(workers)) {
  assert(workers > 0);
}

ListenerStats& StatsStore::listener(std::string_view stats_name, unsigned worker) {
  assert(worker < workers_);
  return find_or_make(listeners_, stats_name, workers_)[worker];
}

ClusterStats& StatsStore::cluster(std::string_view stats_name, unsigned worker) {
  assert(worker < workers_);
  return find_or_make(clusters_, stats_name, workers_)[worker];
}

TcpProxyStats& StatsStore::tcp(std::string_view stat_prefix, unsigned worker) {
  assert(worker < workers_);
  return find_or_make(tcp_, stat_prefix, workers_)[worker];
}

TlsInspectorStats& StatsStore::tls_inspector(unsigned worker) {
  assert(worker < workers_);
  return tls_inspectors_[worker];
}

EndReasonStats& StatsStore::end_reasons(unsigned worker) {
  assert(worker < workers_);
  return end_reasons_[worker];
}

ClusterHostStats& StatsStore::cluster_hosts(std::string_view stats_name) {
  return *find_or_make(cluster_hosts_, stats_name, 1);
}

}  // namespace weir::stats
