// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/cluster_http_from_proto.hpp"

#include <algorithm>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h"
#include "proxy/config/filter_registry.hpp"
#include "proxy/config/http_options_from_proto.hpp"

namespace weir::config {
namespace {

using envoy::config::cluster::v3::Cluster;
using Options = envoy::extensions::upstreams::http::v3::HttpProtocolOptions;

constexpr std::string_view kName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// http_protocol_options and http2_protocol_options of `proto`, whichever message that is.
template <class Proto>
void read_versions(const Proto& proto, const ParseContext& context, ClusterConfig& cluster) {
  if (proto.has_http_protocol_options())
    cluster.http1 = http1_options_from_proto(proto.http_protocol_options(),
                                             context.field("http_protocol_options"));
  if (proto.has_http2_protocol_options())
    cluster.http2 = http2_options_from_proto(proto.http2_protocol_options(), false,
                                             context.field("http2_protocol_options"));
}

void read_explicit(const Options::ExplicitHttpConfig& proto, const ParseContext& context,
                   ClusterConfig& cluster) {
  read_versions(proto, context, cluster);
  cluster.protocol =
      proto.has_http2_protocol_options() ? UpstreamProtocol::http2 : UpstreamProtocol::http1;
  if (!proto.has_http_protocol_options() && !proto.has_http2_protocol_options())
    context.error("names no protocol: expected http_protocol_options or http2_protocol_options");
}

void read_options(const Options& proto, const ParseContext& context, ClusterConfig& cluster) {
  cluster.http = http_options_from_proto(proto.common_http_protocol_options(),
                                         context.field("common_http_protocol_options"));
  if (proto.has_explicit_http_config())
    return read_explicit(proto.explicit_http_config(), context.field("explicit_http_config"),
                         cluster);
  if (!proto.has_use_downstream_protocol_config())
    return context.error(
        "names no protocol: expected explicit_http_config or use_downstream_protocol_config");
  cluster.protocol = UpstreamProtocol::downstream;
  read_versions(proto.use_downstream_protocol_config(),
                context.field("use_downstream_protocol_config"), cluster);
}

void read_extension(const std::string& name, const google::protobuf::Any& any,
                    const ParseContext& context, ClusterConfig& cluster) {
  if (name != kName)
    return context.error(
        "Didn't find a registered network or http filter or protocol options implementation for "
        "name: '" +
        name + "'; known: " + std::string(kName));
  Options options;
  if (type_name(any.type_url()) != Options::descriptor()->full_name() ||
      !options.ParseFromString(any.value()))
    return context.error("'" + any.type_url() + "': expected type " + std::string(kName));
  read_options(options, context, cluster);
}

/// What clusters said before there was typed_extension_protocol_options.
void read_deprecated(const Cluster& proto, const ParseContext& context, ClusterConfig& cluster) {
  cluster.http = http_options_from_proto(proto.common_http_protocol_options(),
                                         context.field("common_http_protocol_options"));
  if (proto.has_max_requests_per_connection())
    cluster.http.max_requests_per_connection = proto.max_requests_per_connection().value();
  read_versions(proto, context, cluster);
  if (proto.protocol_selection() == Cluster::USE_DOWNSTREAM_PROTOCOL)
    cluster.protocol = UpstreamProtocol::downstream;
  else if (proto.has_http2_protocol_options())
    cluster.protocol = UpstreamProtocol::http2;
}

}  // namespace

void read_cluster_http(const Cluster& proto, const ParseContext& context, ClusterConfig& cluster) {
  const auto& extensions = proto.typed_extension_protocol_options();
  if (!extensions.contains(std::string(kName))) read_deprecated(proto, context, cluster);
  std::vector<std::string> names;
  for (const auto& entry : extensions) names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  const ParseContext map = context.field("typed_extension_protocol_options");
  for (const std::string& name : names) {
    const ParseContext entry = map.field(name);
    read_extension(name, extensions.at(name), entry, cluster);
  }
}

}  // namespace weir::config
