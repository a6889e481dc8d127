// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/network/tcp_proxy/tcp_proxy_config.hpp"

#include <limits>

#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "proxy/config/access_log_from_proto.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;

std::vector<WeightedClusterConfig> weighted_from_proto(const TcpProxy::WeightedCluster& proto,
                                                       const ParseContext& context) {
  std::vector<WeightedClusterConfig> clusters;
  std::uint64_t total = 0;
  for (int i = 0; i < proto.clusters_size(); ++i) {
    const ParseContext item = context.item("clusters", i);
    const auto& cluster = proto.clusters(i);
    if (cluster.name().empty()) item.error("has no name");
    if (cluster.weight() == 0)
      item.error("weight of '" + cluster.name() + "': must be greater than or equal to 1");
    clusters.push_back({cluster.name(), cluster.weight()});
    total += cluster.weight();
  }
  if (clusters.empty()) context.error("must contain at least 1 cluster");
  if (total > std::numeric_limits<std::uint32_t>::max())
    context.error("the weights add up to more than 4294967295");
  return clusters;
}

std::vector<WeightedClusterConfig> clusters_from_proto(const TcpProxy& proto,
                                                       const ParseContext& context) {
  switch (proto.cluster_specifier_case()) {
    case TcpProxy::kCluster:
      if (proto.cluster().empty()) context.field("cluster").error("cluster name is empty");
      return {{proto.cluster(), 1}};
    case TcpProxy::kWeightedClusters:
      return weighted_from_proto(proto.weighted_clusters(), context.field("weighted_clusters"));
    case TcpProxy::CLUSTER_SPECIFIER_NOT_SET:
      break;
  }
  context.error("names no cluster: expected cluster or weighted_clusters");
  return {};
}

}  // namespace

std::uint32_t TcpProxyConfig::total_weight() const {
  std::uint32_t total = 0;
  for (const WeightedClusterConfig& cluster : clusters) total += cluster.weight;
  return total;
}

TcpProxyConfig tcp_proxy_from_proto(const TcpProxy& proto, const ParseContext& context) {
  TcpProxyConfig config;
  config.stat_prefix = proto.stat_prefix();
  if (config.stat_prefix.empty()) context.error("has no stat_prefix");
  config.clusters = clusters_from_proto(proto, context);
  if (proto.has_idle_timeout())
    config.idle_timeout =
        config::duration_from_proto(proto.idle_timeout(), context.field("idle_timeout"));
  if (proto.has_max_downstream_connection_duration()) {
    const ParseContext field = context.field("max_downstream_connection_duration");
    config.max_duration =
        config::duration_from_proto(proto.max_downstream_connection_duration(), field);
    if (config.max_duration.count() == 0) field.error("must be greater than or equal to 0.001s");
  }
  if (proto.has_max_connect_attempts()) {
    config.max_connect_attempts = proto.max_connect_attempts().value();
    if (config.max_connect_attempts == 0)
      context.field("max_connect_attempts").error("must be greater than or equal to 1");
  }
  config.access_logs = config::access_logs_from_proto(proto.access_log(), context, "access_log");
  return config;
}

}  // namespace weir::filters
