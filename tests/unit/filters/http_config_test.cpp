// SPDX-License-Identifier: Apache-2.0
// Configurations of HTTP filters that are accepted, and that are refused with place and reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "envoy/config/core/v3/extension.pb.h"
#include "envoy/extensions/filters/http/rbac/v3/rbac.pb.h"
#include "proxy/config/unknown_fields.hpp"
#include "proxy/config/yaml_to_proto.hpp"
#include "proxy/filters/builtin.hpp"
#include "proxy/filters/http/cors/cors_config.hpp"
#include "proxy/filters/http/fault/fault_config.hpp"
#include "proxy/filters/http/filter.hpp"
#include "proxy/filters/http/local_ratelimit/local_ratelimit.hpp"
#include "proxy/filters/http/rbac/rbac_config.hpp"

namespace weir::filters {
namespace {

using config::Diagnostics;
using testing::HasSubstr;

/// What became of one filter's configuration, and what was said.
struct Parsed {
  std::shared_ptr<const config::HttpFilterConfig> filter;
  std::shared_ptr<const config::RouteFilterConfig> route;
  std::string errors;
  std::string warnings;
};

/// `fields`: JSON or YAML in braces, without the type. `type`: after "envoy.extensions.".
Parsed parse(const std::string& type, const std::string& fields, bool of_route = false) {
  Diagnostics diagnostics;
  const auto document = config::parse_document(
      "",
      "name: f\ntyped_config: { \"@type\": type.googleapis.com/envoy.extensions." + type +
          (fields.empty() ? "" : ", " + fields) + " }\n",
      diagnostics);
  Parsed parsed;
  if (document != nullptr) {
    envoy::config::core::v3::TypedExtensionConfig wrapper;
    config::yaml_to_proto(*document, config::Dialect::strict, wrapper, diagnostics);
    config::SourceMap sources;
    sources.add(document);
    const config::ParseContext context(diagnostics, sources);
    const auto registry = builtin_filters();
    if (of_route)
      parsed.route =
          registry.parse_route_filter(wrapper.typed_config(), context.field("typed_config"));
    else
      parsed.filter = registry.parse_http_filter(wrapper.name(), &wrapper.typed_config(), context);
  }
  parsed.errors = diagnostics.to_string(config::Severity::error);
  parsed.warnings = diagnostics.to_string(config::Severity::warning);
  return parsed;
}

/// The configuration of a route, which must be one of T.
template <class T>
std::shared_ptr<const T> parse_route(const std::string& type, const std::string& fields) {
  const Parsed parsed = parse(type, fields, true);
  EXPECT_EQ(parsed.errors, "");
  return std::dynamic_pointer_cast<const T>(parsed.route);
}

const std::string kCors = "filters.http.cors.v3.CorsPolicy";
const std::string kFault = "filters.http.fault.v3.HTTPFault";
const std::string kRbac = "filters.http.rbac.v3.RBAC";
const std::string kRouteRbac = "filters.http.rbac.v3.RBACPerRoute";
const std::string kHealthCheck = "filters.http.health_check.v3.HealthCheck";
const std::string kRateLimit = "filters.http.local_ratelimit.v3.LocalRateLimit";

// Accepted.

TEST(HttpFilterConfig, FiltersAreMadeByTheirTypes) {
  EXPECT_EQ(parse("filters.http.cors.v3.Cors", "").filter->name(), "envoy.filters.http.cors");
  EXPECT_EQ(parse(kFault, "").filter->name(), "envoy.filters.http.fault");
  EXPECT_EQ(parse(kRbac, "").filter->name(), "envoy.filters.http.rbac");
  EXPECT_EQ(parse(kHealthCheck, "pass_through_mode: true, cache_time: 1s").filter->name(),
            "envoy.filters.http.health_check");
  EXPECT_EQ(parse(kRateLimit, "stat_prefix: a").filter->name(),
            "envoy.filters.http.local_ratelimit");
}

TEST(HttpFilterConfig, Cors) {
  const auto cors = parse_route<CorsPolicy>(
      kCors,
      "allow_origin_string_match: [ { exact: a }, { safe_regex: { regex: \"b+\" } } ], "
      "allow_methods: M, allow_headers: H, expose_headers: E, max_age: '5', allow_credentials: "
      "false, forward_not_matching_preflights: false, "
      "filter_enabled: { default_value: { numerator: 7, denominator: TEN_THOUSAND } }");
  ASSERT_EQ(cors->allow_origins.size(), 2u);
  EXPECT_TRUE(cors->allow_origins[1].matches("bbb"));
  EXPECT_EQ(cors->allow_methods + cors->allow_headers + cors->expose_headers + cors->max_age,
            "MHE5");
  EXPECT_EQ(cors->allow_credentials, false);
  EXPECT_EQ(cors->allow_private_network_access, std::nullopt);
  EXPECT_EQ(cors->forward_not_matching_preflights, false);
  EXPECT_EQ(cors->enabled, (route::Fraction{7, 10000}));
  EXPECT_EQ(cors->shadow_enabled.numerator, 0u);
}

TEST(HttpFilterConfig, Fault) {
  const auto fault = parse_route<RouteFault>(
      kFault,
      "delay: { fixed_delay: 0.2s, percentage: { numerator: 5 } }, abort: { grpc_status: 5, "
      "response_body: b }, response_rate_limit: { header_limit: {} }, upstream_cluster: c, "
      "headers: [ { name: X-A } ], downstream_nodes: [ n ], max_active_faults: 0");
  const FaultSettings& settings = fault->settings;
  EXPECT_EQ(settings.delay->fixed, std::chrono::milliseconds(200));
  EXPECT_EQ(settings.delay->share, (route::Fraction{5, 100}));
  EXPECT_EQ(settings.abort->kind, FaultAbort::Kind::grpc);
  EXPECT_EQ(settings.abort->status, 5u);
  EXPECT_EQ(settings.abort->body, "b");
  EXPECT_EQ(settings.abort->share.numerator, 0u);
  EXPECT_EQ(settings.response_rate_limit->kbps, std::nullopt);
  EXPECT_EQ(settings.upstream_cluster, "c");
  EXPECT_EQ(settings.headers.at(0).name, "x-a");
  EXPECT_EQ(settings.max_active_faults, 0u);
}

TEST(HttpFilterConfig, Rbac) {
  const auto route = parse_route<RouteRbac>(
      kRouteRbac,
      "rbac: { rules: { action: DENY, policies: { b: { permissions: [ { any: true } ], principals: "
      "[ { not_id: { source_ip: { address_prefix: 198.51.100.0, prefix_len: 24 } } } ] }, "
      "a: { permissions: [ { and_rules: { rules: [ { destination_port: 80 }, { "
      "destination_port_range: { start: 1, end: 65536 } }, { url_path: { path: { prefix: /x } } } "
      "] "
      "} } ], principals: [ { or_ids: { ids: [ { remote_ip: { address_prefix: '2001:db8::', "
      "prefix_len: 32 } }, { authenticated: {} }, { metadata: { filter: f, path: [ { key: k } ], "
      "value: { present_match: true } } } ] } } ] } } } }");
  const RbacRules& rules = *route->settings.rules;
  EXPECT_EQ(rules.action, RbacRules::Action::deny);
  ASSERT_EQ(rules.policies.size(), 2u);
  EXPECT_EQ(rules.policies[0].name, "a");
  const RbacRule& all = rules.policies[0].permissions.at(0);
  ASSERT_EQ(all.kind, RbacRule::Kind::all_of);
  EXPECT_EQ(all.children.at(0).port_start, 80u);
  EXPECT_EQ(all.children.at(0).port_end, 81u);
  EXPECT_EQ(all.children.at(1).port_end, 65536u);
  EXPECT_EQ(all.children.at(2).text.text, "/x");
  const RbacRule& any = rules.policies[0].principals.at(0);
  ASSERT_EQ(any.kind, RbacRule::Kind::any_of);
  EXPECT_EQ(any.children.at(0).kind, RbacRule::Kind::remote_ip);
  EXPECT_EQ(any.children.at(1).kind, RbacRule::Kind::authenticated);
  EXPECT_EQ(any.children.at(2).metadata.space, "f");
  const RbacRule& other = rules.policies[1].principals.at(0);
  ASSERT_EQ(other.kind, RbacRule::Kind::none_of);
  EXPECT_EQ(other.children.at(0).kind, RbacRule::Kind::direct_remote_ip);
  EXPECT_EQ(other.children.at(0).range.to_string(), "198.51.100.0/24");
  EXPECT_FALSE(parse_route<RouteRbac>(kRouteRbac, "")->settings.rules);
}

TEST(HttpFilterConfig, RateLimit) {
  const auto route = parse_route<RouteRateLimit>(
      kRateLimit,
      "stat_prefix: s, status: { code: ServiceUnavailable }, token_bucket: { max_tokens: 5, "
      "tokens_per_fill: 2, fill_interval: 1s }, filter_enabled: { default_value: { numerator: 100 "
      "} "
      "}, response_headers_to_add: [ { header: { key: X-A, value: v } } ], "
      "enable_x_ratelimit_headers: DRAFT_VERSION_03, descriptors: [ { entries: [ { key: k, value: "
      "v "
      "} ], token_bucket: { max_tokens: 1, fill_interval: 60s } } ], rate_limits: [ { actions: [ { "
      "generic_key: { descriptor_value: v, descriptor_key: k } }, { request_headers: { "
      "header_name: "
      "X-B, descriptor_key: d } }, { remote_address: {} } ] } ]");
  const RateLimitSettings& settings = route->limit.settings;
  EXPECT_EQ(settings.status, 503);
  EXPECT_EQ(settings.bucket->tokens_per_fill, 2u);
  EXPECT_EQ(settings.enabled.numerator, 100u);
  EXPECT_EQ(settings.enforced.numerator, 0u);
  EXPECT_EQ(settings.response_headers.add.at(0).name, "x-a");
  EXPECT_TRUE(settings.x_ratelimit_headers);
  EXPECT_TRUE(settings.always_consume_default);
  EXPECT_EQ(settings.descriptors.at(0).bucket.fill_interval, std::chrono::seconds(60));
  EXPECT_EQ(settings.rate_limits.at(0).at(1).header, "x-b");
  EXPECT_EQ(parse_route<RouteRateLimit>(
                kRateLimit,
                "stat_prefix: s, status: { code: 200 }, token_bucket: { max_tokens: 1, "
                "fill_interval: 0.05s }")
                ->limit.settings.status,
            429);
}

// Refused.

struct Refusal {
  const char* name;
  std::string type;
  std::string fields;
  std::string errors;  // part of them
};
void PrintTo(const Refusal& item, std::ostream* out) { *out << item.name; }

class Refused : public testing::TestWithParam<Refusal> {};

TEST_P(Refused, SaysWhatAndWhere) {
  const bool of_route = GetParam().type == kCors || GetParam().type == kRouteRbac;
  EXPECT_THAT(parse(GetParam().type, GetParam().fields, of_route).errors,
              HasSubstr(GetParam().errors));
}

std::string name_of(const testing::TestParamInfo<Refusal>& info) { return info.param.name; }

std::vector<Refusal> small_filters() {
  return {
      {"CorsOrigin", kCors, "allow_origin_string_match: [ {} ]",
       "typed_config.allow_origin_string_match[0]: names no pattern"},
      {"CorsOfAFilter", "filters.http.cors.v3.Cors", "allow_methods: x",
       "unknown field 'allow_methods'"},
      {"FaultStatus", kFault, "abort: { http_status: 199 }",
       "typed_config.abort.http_status: must be from 200 to 599"},
      {"FaultNothing", kFault, "abort: { percentage: { numerator: 1 } }", "says no status"},
      {"FaultDelay", kFault, "delay: { fixed_delay: 0s }", "must be greater than 0s"},
      {"FaultNoDelay", kFault, "delay: {}", "says no delay"},
      {"FaultLimit", kFault, "response_rate_limit: { fixed_limit: {} }",
       "must be greater than or equal to 1"},
      {"FaultRuntime", kFault, "abort_percent_runtime: x", "is not supported"},
      {"HealthCheckMode", kHealthCheck, "", "has no pass_through_mode"},
      {"HealthCheckCache", kHealthCheck, "pass_through_mode: false, cache_time: 1s",
       "must not be set without pass_through_mode"},
      {"HealthCheckShare", kHealthCheck,
       "pass_through_mode: false, cluster_min_healthy_percentages: { c: { value: 101 } }",
       "typed_config.cluster_min_healthy_percentages.c: must be from 0 to 100"},
      {"HealthCheckOfARoute", kRouteRbac, "rbac: { pass_through_mode: true }", "unknown field"},
      {"LimitPrefix", kRateLimit, "", "has no stat_prefix"},
      {"LimitInterval", kRateLimit,
       "stat_prefix: a, token_bucket: { max_tokens: 1, fill_interval: 0.01s }",
       "fill_interval: local rate limit token bucket fill timer must be >= 50ms"},
      {"LimitNoInterval", kRateLimit, "stat_prefix: a, token_bucket: { max_tokens: 1 }",
       "has no fill_interval"},
      {"LimitFill", kRateLimit,
       "stat_prefix: a, token_bucket: { max_tokens: 1, tokens_per_fill: 0, fill_interval: 1s }",
       "must be greater than 0"},
      {"LimitDescriptorsOfRoutes", kRateLimit,
       "stat_prefix: a, descriptors: [ { entries: [ { key: k, value: v } ], token_bucket: { "
       "max_tokens: 1, fill_interval: 1s } } ]",
       "descriptors need rate_limits"},
      {"LimitDescriptorTwice", kRateLimit,
       "stat_prefix: a, rate_limits: [ { actions: [ { remote_address: {} } ] } ], descriptors: [ { "
       "entries: [ { key: k, value: v } ], token_bucket: { max_tokens: 1, fill_interval: 1s } }, { "
       "entries: [ { key: k, value: v } ], token_bucket: { max_tokens: 1, fill_interval: 1s } } ]",
       "descriptors[1]: duplicate descriptor in the local rate descriptor: k=v"},
      {"LimitAnyValue", kRateLimit,
       "stat_prefix: a, rate_limits: [ { actions: [ { remote_address: {} } ] } ], descriptors: [ { "
       "entries: [ { key: k } ], token_bucket: { max_tokens: 1, fill_interval: 1s } } ]",
       "descriptors for any value are not supported"},
      {"LimitAction", kRateLimit, "stat_prefix: a, rate_limits: [ { actions: [ {} ] } ]",
       "rate_limits[0].actions[0]: action that this version of weir-proxy does not know"},
      {"LimitOperator", kRateLimit,
       "stat_prefix: a, response_headers_to_add: [ { header: { key: a, value: '%PROTOCOL%' } } ]",
       "command operators are not supported here"},
      {"LimitPath", kRateLimit,
       "stat_prefix: a, response_headers_to_add: [ { header: { key: ':path', value: v } } ]",
       "may not be changed here"},
      {"LimitStage", kRateLimit, "stat_prefix: a, stage: 1", "is not supported"},
  };
}

/// A policy `p` with that permission, or with that principal.
std::string permission(const std::string& text) {
  return "rules: { policies: { p: { permissions: [ " + text +
         " ], principals: [ { any: true } ] } } }";
}
std::string principal(const std::string& text) {
  return "rules: { policies: { p: { permissions: [ { any: true } ], principals: [ " + text +
         " ] } } }";
}

std::vector<Refusal> rbac() {
  const std::string permission_path = "typed_config.rules.policies.p.permissions[0]";
  return {
      {"Matcher", kRbac, "matcher: {}",
       "'matcher' of envoy.extensions.filters.http.rbac.v3.RBAC "
       "is not supported"},
      {"ShadowMatcher", kRbac, "shadow_matcher: {}", "is not supported"},
      {"Audit", kRbac, "rules: { audit_logging_options: {} }", "is not supported"},
      {"Condition", kRbac, "rules: { policies: { p: { condition: {} } } }", "is not supported"},
      {"NoPermissions", kRbac, permission(""), "must contain at least 1 item in permissions"},
      {"NoPrincipals", kRbac, principal(""), "must contain at least 1 item in principals"},
      {"EmptyPermission", kRbac, permission("{}"),
       permission_path + ": permission without a rule that this version of weir-proxy knows"},
      {"EmptyPrincipal", kRbac, principal("{}"), "principal without an identifier"},
      {"AnyFalse", kRbac, permission("{ any: false }"), permission_path + ".any: must be true"},
      {"Port", kRbac, permission("{ destination_port: 65536 }"),
       "must be less than or equal to 65535"},
      {"PortRange", kRbac, permission("{ destination_port_range: { start: 5, end: 5 } }"),
       "range start 5 cannot be greater or equal than range end 5"},
      {"PortRangeEnd", kRbac, permission("{ destination_port_range: { start: 5, end: 70000 } }"),
       "range end 70000 is out of bounds"},
      {"PortRangeStart", kRbac, permission("{ destination_port_range: { start: -1, end: 7 } }"),
       "range start -1 is out of bounds"},
      {"Address", kRbac, permission("{ destination_ip: { address_prefix: x, prefix_len: 5 } }"),
       "destination_ip"},
      {"EmptySet", kRbac, permission("{ and_rules: { rules: [] } }"),
       "must contain at least 1 item in rules"},
      {"EmptyIds", kRbac, principal("{ or_ids: {} }"), "must contain at least 1 item in ids"},
      {"EmptyNot", kRbac, permission("{ not_rule: {} }"),
       permission_path + ".not_rule: permission"},
      {"Path", kRbac, permission("{ url_path: {} }"), "has no path"},
      {"Template", kRbac, permission("{ uri_template: {} }"), "is not supported"},
      {"Extension", kRbac, permission("{ matcher: {} }"), "is not supported"},
      {"FilterState", kRbac, principal("{ filter_state: {} }"), "is not supported"},
      {"Custom", kRbac, principal("{ custom: {} }"), "is not supported"},
      {"Unknown", kRbac, principal("{ made_up: {} }"), "unknown field 'made_up'"},
      {"PrincipalName", kRbac, principal("{ authenticated: { principal_name: {} } }"),
       "authenticated.principal_name: names no pattern"},
      {"Regex", kRbac, permission("{ header: { name: a, safe_regex_match: { regex: '(' } } }"),
       "regex"},
      {"MetadataPath", kRbac,
       permission("{ metadata: { filter: f, path: [ { key: a }, { key: b } ], value: { "
                  "present_match: true } } }"),
       "a path of one key"},
      {"MetadataValue", kRbac,
       permission("{ metadata: { filter: f, path: [ { key: a } ], value: { null_match: {} } } }"),
       "expected string_match, bool_match or present_match"},
      {"MetadataSource", kRbac,
       permission("{ sourced_metadata: { metadata_source: ROUTE, metadata_matcher: { filter: f, "
                  "path: [ { key: a } ], value: { present_match: true } } } }"),
       "is not supported"},
      {"OfRoute", kRouteRbac, "rbac: { " + permission("{}") + " }",
       "typed_config.rbac.rules.policies.p.permissions[0]: permission without a rule"},
      {"FilterInARoute", kRouteRbac, "rules: {}", "unknown field 'rules'"},
  };
}

INSTANTIATE_TEST_SUITE_P(Small, Refused, testing::ValuesIn(small_filters()), name_of);
INSTANTIATE_TEST_SUITE_P(Rbac, Refused, testing::ValuesIn(rbac()), name_of);

TEST(HttpFilterConfig, ARouteNeedsABucket) {
  EXPECT_THAT(parse(kRateLimit, "stat_prefix: a", true).errors,
              HasSubstr("local rate limit token bucket must be set for per filter configs"));
}

TEST(HttpFilterConfig, HealthChecksAreNotForRoutes) {
  EXPECT_THAT(parse(kHealthCheck, "pass_through_mode: true", true).errors,
              HasSubstr("Didn't find a registered implementation"));
}

TEST(HttpFilterConfig, SecurityFiltersAreRefusedByName) {
  for (const char* filter : {"jwt_authn.v3.JwtAuthentication", "ext_authz.v3.ExtAuthz",
                             "oauth2.v3.OAuth2", "basic_auth.v3.BasicAuth", "csrf.v3.CsrfPolicy"}) {
    const std::string type = "filters.http." + std::string(filter);
    const std::string name =
        "envoy.filters.http." + std::string(filter).substr(0, std::string(filter).find('.'));
    for (const bool of_route : {false, true}) {
      const Parsed parsed = parse(type, "", of_route);
      EXPECT_THAT(parsed.errors, HasSubstr("filter '" + name +
                                           "' is not supported by this version of weir-proxy: it "
                                           "decides who may pass"));
    }
    EXPECT_TRUE(builtin_filters().knows_http_filter("x", "a/envoy.extensions." + type));
  }
  const Parsed parsed = parse("filters.http.header_to_metadata.v3.Config", "");
  EXPECT_THAT(parsed.errors, HasSubstr("filter 'envoy.filters.http.header_to_metadata' is not "
                                       "supported by this version of weir-proxy"));
  EXPECT_FALSE(builtin_filters().knows_http_filter("envoy.filters.http.header_to_metadata", ""));
}

TEST(HttpFilterConfig, FieldsOfLaterVersionsAreFoundInBinaryRules) {
  envoy::extensions::filters::http::rbac::v3::RBAC rbac;
  auto& policy = (*rbac.mutable_rules()->mutable_policies())["p"];
  policy.add_principals()->set_any(true);
  policy.add_permissions()->set_any(true);
  auto* const permission = policy.add_permissions()->mutable_not_rule();
  const auto known = rbac;
  EXPECT_EQ(config::find_unknown_field(known), std::nullopt);
  permission->GetReflection()->MutableUnknownFields(permission)->AddVarint(99, 1);
  EXPECT_EQ(config::find_unknown_field(rbac),
            "rules.policies[p].value.permissions[1].not_rule: field 99");

  google::protobuf::Any any;
  any.PackFrom(rbac);
  Diagnostics diagnostics;
  const config::SourceMap sources;
  const config::ParseContext context(diagnostics, sources);
  builtin_filters().parse_http_filter("f", &any, context);
  EXPECT_THAT(diagnostics.to_string(config::Severity::error),
              HasSubstr("not_rule: field 99 is not known to this version of weir-proxy: access "
                        "rules are not enforced in part"));
}

}  // namespace
}  // namespace weir::filters
