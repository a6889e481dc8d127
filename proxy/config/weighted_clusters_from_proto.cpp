// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/weighted_clusters_from_proto.hpp"

#include <limits>

#include "envoy/config/route/v3/route_components.pb.h"
#include "proxy/config/header_mutations_from_proto.hpp"
#include "proxy/config/proto_values.hpp"
#include "proxy/config/route_filters_from_proto.hpp"

namespace weir::config {
namespace {

using Proto = envoy::config::route::v3::WeightedCluster;

void read_name(const Proto::ClusterWeight& proto, const ParseContext& context,
               route::WeightedCluster& cluster) {
  cluster.name = proto.name();
  cluster.cluster_header = lower_case(proto.cluster_header());
  if (cluster.name.empty() && cluster.cluster_header.empty())
    context.error("At least one of name or cluster_header need to be specified");
  if (!cluster.name.empty() && !cluster.cluster_header.empty())
    context.error("Only one of name or cluster_header can be specified");
  if (!cluster.cluster_header.empty() && !is_header_name(cluster.cluster_header))
    context.field("cluster_header").error("'" + proto.cluster_header() + "': not a header name");
}

route::WeightedCluster cluster_from_proto(const Proto::ClusterWeight& proto,
                                          const FilterRegistry& registry,
                                          const ParseContext& context) {
  route::WeightedCluster cluster;
  read_name(proto, context, cluster);
  if (!proto.has_weight()) context.error("cluster '" + proto.name() + "' has no weight");
  cluster.weight = proto.weight().value();
  cluster.request_headers = request_mutations_from_proto(proto, context);
  cluster.response_headers = response_mutations_from_proto(proto, context);
  cluster.host_rewrite = proto.host_rewrite_literal();
  cluster.filters = route_filters_from_proto(proto.typed_per_filter_config(), registry, context);
  if (proto.has_metadata_match())
    context.field("metadata_match").warning("has no effect: hosts are not picked by metadata");
  return cluster;
}

}  // namespace

void read_weighted_clusters(const Proto& proto, const FilterRegistry& registry,
                            const ParseContext& context, route::ForwardAction& action) {
  const std::size_t errors = context.diagnostics().error_count();
  std::uint64_t total = 0;
  for (int i = 0; i < proto.clusters_size(); ++i) {
    const ParseContext item = context.item("clusters", i);
    action.weighted.push_back(cluster_from_proto(proto.clusters(i), registry, item));
    total += action.weighted.back().weight;
  }
  action.total_weight = static_cast<std::uint32_t>(total);
  if (action.weighted.empty()) return context.error("must contain at least 1 cluster");
  if (total > std::numeric_limits<std::uint32_t>::max())
    context.error("The sum of weights of all weighted clusters exceeds 4294967295");
  if (total == 0 && context.diagnostics().error_count() == errors)
    context.error("Sum of weights in the weighted_cluster must be greater than 0.");
  if (proto.has_total_weight() && proto.total_weight().value() != total)
    context.field("total_weight")
        .warning("has no effect: the weights add up to " + std::to_string(total));
}

}  // namespace weir::config
