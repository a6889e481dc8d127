// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/config_source_from_proto.hpp"

#include "envoy/config/core/v3/config_source.pb.h"
#include "proxy/config/api_config_source_from_proto.hpp"
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
    case Proto::kApiConfigSource: {
      auto api = api_config_source_from_proto(proto.api_config_source(),
                                              context.field("api_config_source"));
      if (!api) return std::nullopt;
      source.api = std::make_shared<ApiConfigSource>(*std::move(api));
      break;
    }
    case Proto::kAds:
      source.ads = true;
      break;
    case Proto::CONFIG_SOURCE_SPECIFIER_NOT_SET:
      break;
  }
  if (!source.is_file() && source.api == nullptr && !source.ads) {
    context.error("names no source: expected a path, an api_config_source or ads");
    return std::nullopt;
  }
  if (proto.has_initial_fetch_timeout())
    source.initial_fetch_timeout =
        duration_from_proto(proto.initial_fetch_timeout(), context.field("initial_fetch_timeout"));
  return source;
}

}  // namespace weir::config
