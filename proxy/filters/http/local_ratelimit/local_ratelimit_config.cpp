// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/local_ratelimit/local_ratelimit_config.hpp"

#include <algorithm>

#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h"
#include "proxy/config/header_mutations_from_proto.hpp"
#include "proxy/config/matchers_from_proto.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/config/proto_values.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
using envoy::extensions::common::ratelimit::v3::DRAFT_VERSION_03;
using envoy::extensions::common::ratelimit::v3::LocalRateLimitDescriptor;
using envoy::extensions::filters::http::local_ratelimit::v3::LocalRateLimit;
using ProtoAction = envoy::config::route::v3::RateLimit::Action;
using Kind = RateLimitAction::Kind;

constexpr std::chrono::milliseconds kShortestInterval{50};  // Envoy's
constexpr int kMostHeaders = 10;                            // Envoy's

TokenBucketConfig bucket_from_proto(const envoy::type::v3::TokenBucket& proto,
                                    const ParseContext& context) {
  TokenBucketConfig bucket;
  bucket.max_tokens = proto.max_tokens();
  if (proto.has_tokens_per_fill()) bucket.tokens_per_fill = proto.tokens_per_fill().value();
  if (bucket.tokens_per_fill == 0) context.field("tokens_per_fill").error("must be greater than 0");
  if (!proto.has_fill_interval()) {
    context.error("has no fill_interval");
    return bucket;
  }
  const ParseContext interval = context.field("fill_interval");
  bucket.fill_interval = config::duration_from_proto(proto.fill_interval(), interval);
  if (bucket.fill_interval < kShortestInterval)
    interval.error("local rate limit token bucket fill timer must be >= 50ms");
  return bucket;
}

std::string entry_text(const RateLimitEntries& entries) {
  std::string text;
  for (const auto& [key, value] : entries) text += (text.empty() ? "" : ", ") + key + "=" + value;
  return text;
}

RateLimitDescriptor descriptor_from_proto(const LocalRateLimitDescriptor& proto,
                                          const ParseContext& context) {
  RateLimitDescriptor descriptor;
  for (int i = 0; i < proto.entries_size(); ++i) {
    const ParseContext item = context.item("entries", i);
    const auto& entry = proto.entries(i);
    if (entry.key().empty()) item.error("has no key");
    if (entry.value().empty())
      item.error(
          "has no value: descriptors for any value are not supported by this version of "
          "weir-proxy");
    descriptor.entries.emplace_back(entry.key(), entry.value());
  }
  if (proto.entries().empty()) context.error("must contain at least 1 item in entries");
  if (proto.has_token_bucket())
    descriptor.bucket = bucket_from_proto(proto.token_bucket(), context.field("token_bucket"));
  else
    context.error("has no token_bucket");
  return descriptor;
}

std::vector<RateLimitDescriptor> descriptors_from_proto(const LocalRateLimit& proto,
                                                        const ParseContext& context) {
  std::vector<RateLimitDescriptor> descriptors;
  for (int i = 0; i < proto.descriptors_size(); ++i) {
    const ParseContext item = context.item("descriptors", i);
    RateLimitDescriptor made = descriptor_from_proto(proto.descriptors(i), item);
    for (const RateLimitDescriptor& other : descriptors)
      if (other.entries == made.entries)
        item.error("duplicate descriptor in the local rate descriptor: " +
                   entry_text(made.entries));
    descriptors.push_back(std::move(made));
  }
  return descriptors;
}

RateLimitAction header_action(const ProtoAction::RequestHeaders& proto,
                              const ParseContext& context) {
  RateLimitAction action{Kind::request_header, proto.descriptor_key()};
  action.header = config::lower_case(proto.header_name());
  action.skip_if_absent = proto.skip_if_absent();
  if (action.header.empty()) context.error("has no header_name");
  if (action.key.empty()) context.error("has no descriptor_key");
  return action;
}

RateLimitAction match_action(const ProtoAction::HeaderValueMatch& proto,
                             const ParseContext& context) {
  RateLimitAction action{Kind::header_match, proto.descriptor_key()};
  if (action.key.empty()) action.key = "header_match";
  action.value = proto.descriptor_value();
  if (action.value.empty()) context.error("has no descriptor_value");
  action.headers = config::header_matchers_from_proto(proto.headers(), context, "headers");
  if (action.headers.empty()) context.error("must contain at least 1 item in headers");
  if (proto.has_expect_match()) action.expect_match = proto.expect_match().value();
  return action;
}

RateLimitAction masked_action(const ProtoAction::MaskedRemoteAddress& proto,
                              const ParseContext& context) {
  RateLimitAction action{Kind::masked_remote_address, "masked_remote_address"};
  if (proto.has_v4_prefix_mask_len()) action.v4_length = proto.v4_prefix_mask_len().value();
  if (proto.has_v6_prefix_mask_len()) action.v6_length = proto.v6_prefix_mask_len().value();
  if (action.v4_length > 32 || action.v6_length > 128)
    context.error("a prefix has at most 32 bits of IPv4, 128 of IPv6");
  return action;
}

RateLimitAction action_from_proto(const ProtoAction& proto, const ParseContext& context) {
  switch (proto.action_specifier_case()) {
    case ProtoAction::kSourceCluster:
      return {Kind::source_cluster, "source_cluster"};
    case ProtoAction::kRequestHeaders:
      return header_action(proto.request_headers(), context.field("request_headers"));
    case ProtoAction::kRemoteAddress:
      return {Kind::remote_address, "remote_address"};
    case ProtoAction::kMaskedRemoteAddress:
      return masked_action(proto.masked_remote_address(), context.field("masked_remote_address"));
    case ProtoAction::kGenericKey: {
      const auto& key = proto.generic_key();
      if (key.descriptor_value().empty())
        context.field("generic_key").error("has no descriptor_value");
      return {Kind::generic_key,
              key.descriptor_key().empty() ? "generic_key" : key.descriptor_key(),
              key.descriptor_value()};
    }
    case ProtoAction::kHeaderValueMatch:
      return match_action(proto.header_value_match(), context.field("header_value_match"));
    case ProtoAction::ACTION_SPECIFIER_NOT_SET:
      break;
  }
  context.error("action that this version of weir-proxy does not know");
  return {};
}

RateLimitActions actions_from_proto(const envoy::config::route::v3::RateLimit& proto,
                                    const ParseContext& context) {
  RateLimitActions actions;
  for (int i = 0; i < proto.actions_size(); ++i)
    actions.push_back(action_from_proto(proto.actions(i), context.item("actions", i)));
  if (actions.empty()) context.error("must contain at least 1 item in actions");
  return actions;
}

route::HeaderMutations headers_from_proto(const config::HeaderValueOptions& proto,
                                          const ParseContext& context, std::string_view fields) {
  const std::string name = std::string(fields);
  if (proto.size() > kMostHeaders) context.error("must contain no more than 10 items in " + name);
  route::HeaderMutations mutations;
  for (int i = 0; i < proto.size(); ++i) {
    const ParseContext item = context.item(name, i);
    mutations.add.push_back(config::header_addition_from_proto(proto[i], item));
    if (mutations.add.back().format != nullptr)
      item.error("command operators are not supported here by this version of weir-proxy");
    if (!config::is_header_name(mutations.add.back().name))
      item.error("':' and \"host\" headers may not be changed here");
  }
  return mutations;
}

void read_flags(const LocalRateLimit& proto, RateLimitSettings& settings) {
  if (proto.has_filter_enabled())
    settings.enabled = config::fraction_from_proto(proto.filter_enabled().default_value());
  if (proto.has_filter_enforced())
    settings.enforced = config::fraction_from_proto(proto.filter_enforced().default_value());
  // Envoy: what is not an error becomes 429.
  if (proto.status().code() >= 400)
    settings.status = static_cast<std::uint16_t>(proto.status().code());
  settings.per_connection = proto.local_rate_limit_per_downstream_connection();
  settings.x_ratelimit_headers = proto.enable_x_ratelimit_headers() == DRAFT_VERSION_03;
  if (proto.has_always_consume_default_token_bucket())
    settings.always_consume_default = proto.always_consume_default_token_bucket().value();
  settings.resource_exhausted = proto.rate_limited_as_resource_exhausted();
}

}  // namespace

RateLimitSettings rate_limit_from_proto(const LocalRateLimit& proto, bool of_route,
                                        const ParseContext& context) {
  RateLimitSettings settings;
  settings.stat_prefix = proto.stat_prefix();
  if (settings.stat_prefix.empty()) context.error("has no stat_prefix");
  if (proto.has_token_bucket())
    settings.bucket = bucket_from_proto(proto.token_bucket(), context.field("token_bucket"));
  else if (of_route)
    context.error("local rate limit token bucket must be set for per filter configs");
  read_flags(proto, settings);
  settings.request_headers =
      headers_from_proto(proto.request_headers_to_add_when_not_enforced(), context,
                         "request_headers_to_add_when_not_enforced");
  settings.response_headers =
      headers_from_proto(proto.response_headers_to_add(), context, "response_headers_to_add");
  settings.descriptors = descriptors_from_proto(proto, context);
  for (int i = 0; i < proto.rate_limits_size(); ++i)
    settings.rate_limits.push_back(
        actions_from_proto(proto.rate_limits(i), context.item("rate_limits", i)));
  if (!settings.descriptors.empty() && settings.rate_limits.empty())
    context.error(
        "descriptors need rate_limits, here in the filter: those of routes are not "
        "supported by this version of weir-proxy");
  return settings;
}

}  // namespace weir::filters
