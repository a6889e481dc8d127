// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/config_source_from_proto.hpp"

#include "envoy/config/core/v3/config_source.pb.h"
#include "proxy/config/proto_values.hpp"

namespace weir::config {

std::optional<ConfigSource> config_source_from_proto(
    const envoy::config::core::v3::ConfigSource& proto, const ParseContext& context) {
  using Proto = envoy::config::core::v3::ConfigSource;
  ConfigSource source;
  switch (proto.config_source_specifier_case()) {
    case Proto::kPath:
      source.path = proto.path();
      break;
    case Proto::kPathConfigSource:
      source.path = proto.path_config_source().path();
      source.watched_directory = proto.path_config_source().watched_directory().path();
      break;
    case Proto::kApiConfigSource:
      context.field("api_config_source").error("a control plane is not supported yet: use a file");
      return std::nullopt;
    case Proto::kAds:
      context.field("ads").error("a control plane is not supported yet: use a file");
      return std::nullopt;
    case Proto::CONFIG_SOURCE_SPECIFIER_NOT_SET:
      break;
  }
  if (source.path.empty()) {
    context.error("has no path: name the file that the resources are in");
    return std::nullopt;
  }
  if (proto.has_initial_fetch_timeout())
    source.initial_fetch_timeout =
        duration_from_proto(proto.initial_fetch_timeout(), context.field("initial_fetch_timeout"));
  return source;
}

}  // namespace weir::config
