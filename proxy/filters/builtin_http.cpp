// SPDX-License-Identifier: Apache-2.0
#include "proxy/filters/builtin_http.hpp"

#include "envoy/extensions/filters/http/cors/v3/cors.pb.h"
#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "envoy/extensions/filters/http/health_check/v3/health_check.pb.h"
#include "envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h"
#include "envoy/extensions/filters/http/lua/v3/lua.pb.h"
#include "envoy/extensions/filters/http/rbac/v3/rbac.pb.h"
#include "proxy/filters/http/cors/cors.hpp"
#include "proxy/filters/http/cors/cors_config.hpp"
#include "proxy/filters/http/fault/fault.hpp"
#include "proxy/filters/http/health_check/health_check.hpp"
#include "proxy/filters/http/local_ratelimit/local_ratelimit.hpp"
#include "proxy/filters/http/lua/lua_filter.hpp"
#include "proxy/filters/http/rbac/rbac.hpp"

namespace weir::filters {
namespace {

namespace proto = ::envoy::extensions::filters::http;
using config::HttpFilterConfig;
using config::ParseContext;
using config::RouteFilterConfig;
using google::protobuf::Message;
using CorsProto = proto::cors::v3::Cors;
using CorsPolicyProto = proto::cors::v3::CorsPolicy;
using FaultProto = proto::fault::v3::HTTPFault;
using HealthCheckProto = proto::health_check::v3::HealthCheck;
using LuaProto = proto::lua::v3::Lua;
using RouteLuaProto = proto::lua::v3::LuaPerRoute;
using RateLimitProto = proto::local_ratelimit::v3::LocalRateLimit;
using RbacProto = proto::rbac::v3::RBAC;
using RouteRbacProto = proto::rbac::v3::RBACPerRoute;

std::shared_ptr<const HttpFilterConfig> parse_cors(const Message&, const ParseContext&) {
  return std::make_shared<CorsFactory>();
}
std::shared_ptr<const RouteFilterConfig> parse_route_cors(const Message& message,
                                                          const ParseContext& context) {
  return cors_policy_from_proto(static_cast<const CorsPolicyProto&>(message), context);
}

std::shared_ptr<const HttpFilterConfig> parse_fault(const Message& message,
                                                    const ParseContext& context) {
  return std::make_shared<FaultFactory>(
      fault_from_proto(static_cast<const FaultProto&>(message), context));
}
std::shared_ptr<const RouteFilterConfig> parse_route_fault(const Message& message,
                                                           const ParseContext& context) {
  auto route = std::make_shared<RouteFault>();
  route->settings = fault_from_proto(static_cast<const FaultProto&>(message), context);
  return route;
}

std::shared_ptr<const HttpFilterConfig> parse_health_check(const Message& message,
                                                           const ParseContext& context) {
  return std::make_shared<HealthCheckFactory>(
      health_check_filter_from_proto(static_cast<const HealthCheckProto&>(message), context));
}

std::shared_ptr<const HttpFilterConfig> parse_rate_limit(const Message& message,
                                                         const ParseContext& context) {
  return std::make_shared<LocalRateLimitFactory>(
      rate_limit_from_proto(static_cast<const RateLimitProto&>(message), false, context));
}
std::shared_ptr<const RouteFilterConfig> parse_route_rate_limit(const Message& message,
                                                                const ParseContext& context) {
  return std::make_shared<RouteRateLimit>(
      rate_limit_from_proto(static_cast<const RateLimitProto&>(message), true, context));
}

std::shared_ptr<const HttpFilterConfig> parse_rbac(const Message& message,
                                                   const ParseContext& context) {
  return std::make_shared<RbacFactory>(
      rbac_from_proto(static_cast<const RbacProto&>(message), context));
}
std::shared_ptr<const RouteFilterConfig> parse_route_rbac(const Message& message,
                                                          const ParseContext& context) {
  return route_rbac_from_proto(static_cast<const RouteRbacProto&>(message), context);
}

std::shared_ptr<const HttpFilterConfig> parse_lua(const Message& message,
                                                  const ParseContext& context) {
  return std::make_shared<LuaFilter>(
      lua_from_proto(static_cast<const LuaProto&>(message), context));
}
std::shared_ptr<const RouteFilterConfig> parse_route_lua(const Message& message,
                                                         const ParseContext& context) {
  return lua_route_from_proto(static_cast<const RouteLuaProto&>(message), context);
}

}  // namespace

std::vector<config::HttpFilterType> builtin_http_filters() {
  return {
      {"envoy.filters.http.cors", &CorsProto::default_instance(), parse_cors,
       &CorsPolicyProto::default_instance(), parse_route_cors},
      {"envoy.filters.http.fault", &FaultProto::default_instance(), parse_fault,
       &FaultProto::default_instance(), parse_route_fault},
      {"envoy.filters.http.health_check", &HealthCheckProto::default_instance(),
       parse_health_check},
      {"envoy.filters.http.local_ratelimit", &RateLimitProto::default_instance(), parse_rate_limit,
       &RateLimitProto::default_instance(), parse_route_rate_limit},
      {"envoy.filters.http.lua", &LuaProto::default_instance(), parse_lua,
       &RouteLuaProto::default_instance(), parse_route_lua},
      {"envoy.filters.http.rbac", &RbacProto::default_instance(), parse_rbac,
       &RouteRbacProto::default_instance(), parse_route_rbac},
  };
}

std::vector<config::RefusedHttpFilter> refused_http_filters() {
  constexpr std::string_view kAccess =
      "it decides who may pass, and is never left out; remove it only where something else decides";
  constexpr std::string_view kLimit =
      "it protects what is behind it, and is never left out; local_ratelimit limits rates without "
      "a service";
  return {
      {"envoy.filters.http.api_key_auth", "envoy.extensions.filters.http.api_key_auth.v3.",
       kAccess},
      {"envoy.filters.http.basic_auth", "envoy.extensions.filters.http.basic_auth.v3.", kAccess},
      {"envoy.filters.http.csrf", "envoy.extensions.filters.http.csrf.v3.", kAccess},
      {"envoy.filters.http.ext_authz", "envoy.extensions.filters.http.ext_authz.v3.", kAccess},
      {"envoy.filters.http.ext_proc", "envoy.extensions.filters.http.ext_proc.v3.", kAccess},
      {"envoy.filters.http.jwt_authn", "envoy.extensions.filters.http.jwt_authn.v3.", kAccess},
      {"envoy.filters.http.oauth2", "envoy.extensions.filters.http.oauth2.v3.", kAccess},
      {"envoy.filters.http.wasm", "envoy.extensions.filters.http.wasm.v3.", kAccess},
      {"envoy.filters.http.ratelimit", "envoy.extensions.filters.http.ratelimit.v3.", kLimit},
      {"envoy.filters.http.header_to_metadata",
       "envoy.extensions.filters.http.header_to_metadata.v3.", ""},
  };
}

}  // namespace weir::filters
