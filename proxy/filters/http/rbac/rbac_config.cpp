// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/http/rbac/rbac_config.hpp"

#include <map>
#include <utility>

#include "envoy/extensions/filters/http/rbac/v3/rbac.pb.h"
#include "proxy/config/matchers_from_proto.hpp"
#include "proxy/config/parse_context.hpp"
#include "proxy/config/proto_values.hpp"
#include "proxy/config/unknown_fields.hpp"

namespace weir::filters {
namespace {

using config::ParseContext;
using Kind = RbacRule::Kind;
namespace proto_rbac = envoy::config::rbac::v3;
namespace matcher = envoy::type::matcher::v3;
using ProtoRbac = envoy::extensions::filters::http::rbac::v3::RBAC;
using proto_rbac::Permission;
using proto_rbac::Principal;

constexpr std::uint32_t kPorts = 65536;

RbacRule permission_from_proto(const Permission& proto, const ParseContext& context);
RbacRule principal_from_proto(const Principal& proto, const ParseContext& context);

RbacRule of_kind(Kind kind) {
  RbacRule rule;
  rule.kind = kind;
  return rule;
}

/// The rules of a list; a list without any would match nothing or everything by accident.
template <class List, class Parse>
std::vector<RbacRule> list_from_proto(const List& list, const ParseContext& parent,
                                      std::string_view field, Parse&& parse) {
  std::vector<RbacRule> rules;
  for (int i = 0; i < list.size(); ++i) {
    const ParseContext item = parent.item(field, i);
    rules.push_back(parse(list[i], item));
  }
  if (rules.empty()) parent.error("must contain at least 1 item in " + std::string(field));
  return rules;
}

RbacRule any_from_proto(bool any, const ParseContext& context) {
  if (!any) context.field("any").error("must be true");
  return of_kind(Kind::any);
}

RbacRule header_rule(const envoy::config::route::v3::HeaderMatcher& proto,
                     const ParseContext& context) {
  RbacRule rule = of_kind(Kind::header);
  rule.header = config::header_matcher_from_proto(proto, context);
  return rule;
}

RbacRule path_rule(const matcher::PathMatcher& proto, const ParseContext& context) {
  RbacRule rule = of_kind(Kind::url_path);
  if (proto.has_path())
    rule.text = config::string_matcher_from_proto(proto.path(), context.field("path"));
  else
    context.error("has no path");
  return rule;
}

RbacRule range_rule(Kind kind, const envoy::config::core::v3::CidrRange& proto,
                    const ParseContext& context) {
  RbacRule rule = of_kind(kind);
  if (const auto range = config::cidr_from_proto(proto, context)) rule.range = *range;
  return rule;
}

RbacRule port_rule(std::int64_t start, std::int64_t end, const ParseContext& context) {
  if (start < 0 || start > kPorts)
    context.error("range start " + std::to_string(start) + " is out of bounds");
  else if (end < 0 || end > kPorts)
    context.error("range end " + std::to_string(end) + " is out of bounds");
  else if (start >= end)
    context.error("range start " + std::to_string(start) +
                  " cannot be greater or equal than range end " + std::to_string(end));
  RbacRule rule = of_kind(Kind::destination_port);
  rule.port_start = static_cast<std::uint32_t>(start);
  rule.port_end = static_cast<std::uint32_t>(end);
  return rule;
}

RbacRule metadata_rule(const matcher::MetadataMatcher& proto, const ParseContext& context) {
  RbacRule rule = of_kind(Kind::metadata);
  RbacMetadata& out = rule.metadata;
  out.space = proto.filter();
  if (out.space.empty()) context.error("names no filter");
  if (proto.path_size() == 1 && !proto.path(0).key().empty())
    out.key = proto.path(0).key();
  else
    context.error("a path of one key is all that this version of weir-proxy can follow");
  out.invert = proto.invert();
  const ParseContext value = context.field("value");
  switch (proto.value().match_pattern_case()) {
    case matcher::ValueMatcher::kStringMatch:
      out.kind = RbacMetadata::Kind::string;
      out.string = config::string_matcher_from_proto(proto.value().string_match(),
                                                     value.field("string_match"));
      break;
    case matcher::ValueMatcher::kBoolMatch:
      out.kind = RbacMetadata::Kind::boolean;
      out.expected = proto.value().bool_match();
      break;
    case matcher::ValueMatcher::kPresentMatch:
      out.kind = RbacMetadata::Kind::present;
      out.expected = proto.value().present_match();
      break;
    default:
      value.error(
          "expected string_match, bool_match or present_match: others are not supported "
          "by this version of weir-proxy");
  }
  return rule;
}

RbacRule sourced_metadata_rule(const proto_rbac::SourcedMetadata& proto,
                               const ParseContext& context) {
  if (proto.metadata_source() != proto_rbac::DYNAMIC)
    context.field("metadata_source").error("only DYNAMIC is supported");
  return metadata_rule(proto.metadata_matcher(), context.field("metadata_matcher"));
}

RbacRule server_name_rule(const matcher::StringMatcher& proto, const ParseContext& context) {
  RbacRule rule = of_kind(Kind::server_name);
  rule.text = config::string_matcher_from_proto(proto, context);
  return rule;
}

/// Nobody is authenticated without TLS; what is wrong in the matcher is reported all the same.
RbacRule authenticated_rule(const Principal::Authenticated& proto, const ParseContext& context) {
  if (proto.has_principal_name())
    config::string_matcher_from_proto(proto.principal_name(), context.field("principal_name"));
  return of_kind(Kind::authenticated);
}

template <class Set, class Parse>
RbacRule set_rule(Kind kind, const Set& list, const ParseContext& context, std::string_view field,
                  Parse&& parse) {
  RbacRule rule = of_kind(kind);
  rule.children = list_from_proto(list, context, field, parse);
  return rule;
}

template <class Message, class Parse>
RbacRule not_rule(const Message& proto, const ParseContext& context, Parse&& parse) {
  RbacRule rule = of_kind(Kind::none_of);
  rule.children.push_back(parse(proto, context));
  return rule;
}

RbacRule permission_from_proto(const Permission& proto, const ParseContext& context) {
  switch (proto.rule_case()) {
    case Permission::kAndRules:
      return set_rule(Kind::all_of, proto.and_rules().rules(), context.field("and_rules"), "rules",
                      permission_from_proto);
    case Permission::kOrRules:
      return set_rule(Kind::any_of, proto.or_rules().rules(), context.field("or_rules"), "rules",
                      permission_from_proto);
    case Permission::kAny:
      return any_from_proto(proto.any(), context);
    case Permission::kHeader:
      return header_rule(proto.header(), context.field("header"));
    case Permission::kDestinationIp:
      return range_rule(Kind::destination_ip, proto.destination_ip(),
                        context.field("destination_ip"));
    case Permission::kDestinationPort:
      if (proto.destination_port() >= kPorts)
        context.field("destination_port").error("must be less than or equal to 65535");
      return port_rule(std::min(proto.destination_port(), kPorts - 1),
                       std::int64_t{std::min(proto.destination_port(), kPorts - 1)} + 1, context);
    case Permission::kDestinationPortRange:
      return port_rule(proto.destination_port_range().start(), proto.destination_port_range().end(),
                       context.field("destination_port_range"));
    case Permission::kMetadata:
      return metadata_rule(proto.metadata(), context.field("metadata"));
    case Permission::kSourcedMetadata:
      return sourced_metadata_rule(proto.sourced_metadata(), context.field("sourced_metadata"));
    case Permission::kNotRule:
      return not_rule(proto.not_rule(), context.field("not_rule"), permission_from_proto);
    case Permission::kRequestedServerName:
      return server_name_rule(proto.requested_server_name(),
                              context.field("requested_server_name"));
    case Permission::kUrlPath:
      return path_rule(proto.url_path(), context.field("url_path"));
    case Permission::RULE_NOT_SET:
      break;
  }
  context.error("permission without a rule that this version of weir-proxy knows");
  return {};
}

RbacRule principal_from_proto(const Principal& proto, const ParseContext& context) {
  switch (proto.identifier_case()) {
    case Principal::kAndIds:
      return set_rule(Kind::all_of, proto.and_ids().ids(), context.field("and_ids"), "ids",
                      principal_from_proto);
    case Principal::kOrIds:
      return set_rule(Kind::any_of, proto.or_ids().ids(), context.field("or_ids"), "ids",
                      principal_from_proto);
    case Principal::kAny:
      return any_from_proto(proto.any(), context);
    case Principal::kAuthenticated:
      return authenticated_rule(proto.authenticated(), context.field("authenticated"));
    case Principal::kSourceIp:
      return range_rule(Kind::direct_remote_ip, proto.source_ip(), context.field("source_ip"));
    case Principal::kDirectRemoteIp:
      return range_rule(Kind::direct_remote_ip, proto.direct_remote_ip(),
                        context.field("direct_remote_ip"));
    case Principal::kRemoteIp:
      return range_rule(Kind::remote_ip, proto.remote_ip(), context.field("remote_ip"));
    case Principal::kHeader:
      return header_rule(proto.header(), context.field("header"));
    case Principal::kMetadata:
      return metadata_rule(proto.metadata(), context.field("metadata"));
    case Principal::kSourcedMetadata:
      return sourced_metadata_rule(proto.sourced_metadata(), context.field("sourced_metadata"));
    case Principal::kNotId:
      return not_rule(proto.not_id(), context.field("not_id"), principal_from_proto);
    case Principal::kUrlPath:
      return path_rule(proto.url_path(), context.field("url_path"));
    case Principal::IDENTIFIER_NOT_SET:
      break;
  }
  context.error("principal without an identifier that this version of weir-proxy knows");
  return {};
}

RbacRules rules_from_proto(const proto_rbac::RBAC& proto, const ParseContext& context) {
  RbacRules rules;
  switch (proto.action()) {
    case proto_rbac::RBAC::ALLOW:
      rules.action = RbacRules::Action::allow;
      break;
    case proto_rbac::RBAC::DENY:
      rules.action = RbacRules::Action::deny;
      break;
    case proto_rbac::RBAC::LOG:
      rules.action = RbacRules::Action::log;
      break;
    default:
      context.field("action").error("unknown action " + std::to_string(proto.action()));
  }
  const std::map<std::string, const proto_rbac::Policy*> by_name = [&] {
    std::map<std::string, const proto_rbac::Policy*> sorted;
    for (const auto& [name, policy] : proto.policies()) sorted.emplace(name, &policy);
    return sorted;
  }();
  const ParseContext policies = context.field("policies");
  for (const auto& [name, policy] : by_name) {
    const ParseContext entry = policies.field(name);
    rules.policies.push_back(
        {name, list_from_proto(policy->permissions(), entry, "permissions", permission_from_proto),
         list_from_proto(policy->principals(), entry, "principals", principal_from_proto)});
  }
  return rules;
}

RbacSettings settings_from_proto(const ProtoRbac& proto, const ParseContext& context) {
  RbacSettings settings;
  if (proto.has_rules()) settings.rules = rules_from_proto(proto.rules(), context.field("rules"));
  if (proto.has_shadow_rules())
    settings.shadow_rules = rules_from_proto(proto.shadow_rules(), context.field("shadow_rules"));
  settings.stat_prefix = proto.rules_stat_prefix();
  settings.shadow_stat_prefix = proto.shadow_rules_stat_prefix();
  settings.track_per_rule_stats = proto.track_per_rule_stats();
  return settings;
}

void refuse_unknown_fields(const google::protobuf::Message& proto, const ParseContext& context) {
  if (const auto unknown = config::find_unknown_field(proto))
    context.error(*unknown +
                  " is not known to this version of weir-proxy: access rules are not "
                  "enforced in part");
}

}  // namespace

RbacSettings rbac_from_proto(const ProtoRbac& proto, const ParseContext& context) {
  refuse_unknown_fields(proto, context);
  return settings_from_proto(proto, context);
}

std::shared_ptr<const RouteRbac> route_rbac_from_proto(
    const envoy::extensions::filters::http::rbac::v3::RBACPerRoute& proto,
    const ParseContext& context) {
  refuse_unknown_fields(proto, context);
  auto route = std::make_shared<RouteRbac>();
  if (proto.has_rbac()) route->settings = settings_from_proto(proto.rbac(), context.field("rbac"));
  return route;
}

}  // namespace weir::filters
