// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/cors/cors_config.hpp"

#include "envoy/extensions/filters/http/cors/v3/cors.pb.h"
#include "proxy/config/matchers_from_proto.hpp"

namespace weir::filters {
namespace {

std::optional<bool> flag_of(bool given, const google::protobuf::BoolValue& proto) {
  return given ? std::optional(proto.value()) : std::nullopt;
}

}  // namespace

std::shared_ptr<const CorsPolicy> cors_policy_from_proto(
    const envoy::extensions::filters::http::cors::v3::CorsPolicy& proto,
    const config::ParseContext& context) {
  auto policy = std::make_shared<CorsPolicy>();
  for (int i = 0; i < proto.allow_origin_string_match_size(); ++i)
    policy->allow_origins.push_back(config::string_matcher_from_proto(
        proto.allow_origin_string_match(i), context.item("allow_origin_string_match", i)));
  policy->allow_methods = proto.allow_methods();
  policy->allow_headers = proto.allow_headers();
  policy->expose_headers = proto.expose_headers();
  policy->max_age = proto.max_age();
  policy->allow_credentials = flag_of(proto.has_allow_credentials(), proto.allow_credentials());
  policy->allow_private_network_access =
      flag_of(proto.has_allow_private_network_access(), proto.allow_private_network_access());
  policy->forward_not_matching_preflights =
      flag_of(proto.has_forward_not_matching_preflights(), proto.forward_not_matching_preflights());
  if (proto.has_filter_enabled())
    policy->enabled = config::fraction_from_proto(proto.filter_enabled().default_value());
  if (proto.has_shadow_enabled())
    policy->shadow_enabled = config::fraction_from_proto(proto.shadow_enabled().default_value());
  return policy;
}

}  // namespace weir::filters
