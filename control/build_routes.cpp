// SPDX-License-Identifier: Apache-2.0
// A VirtualService's rules as Envoy's routes.
#include <cmath>

#include "control/builders.hpp"
#include "control/envoy_parts.hpp"
#include "envoy/extensions/filters/http/fault/v3/fault.pb.h"
#include "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h"

namespace weir::control {
namespace {

using envoy::config::core::v3::HeaderValueOption;
using envoy::config::route::v3::HeaderMatcher;
using envoy::config::route::v3::RedirectAction;
using envoy::config::route::v3::RetryPolicy;
using envoy::config::route::v3::Route;
using envoy::config::route::v3::RouteAction;
using envoy::config::route::v3::RouteMatch;

/// What is tried again when nobody says: only what no upstream has begun to work on.
constexpr const char* kRetryOn = "connect-failure,refused-stream,unavailable,cancelled";

template <class StringMatcher>
void set_text(StringMatcher& out, const TextMatch& match) {
  switch (match.kind) {
    case TextMatch::Kind::exact:
      return out.set_exact(match.text);
    case TextMatch::Kind::prefix:
      return out.set_prefix(match.text);
    case TextMatch::Kind::regex:
      return out.mutable_safe_regex()->set_regex(match.text);
    case TextMatch::Kind::present:
      return;
  }
}

void set_uri(RouteMatch& out, const HttpMatch& match) {
  if (!match.uri) return out.set_prefix("/");
  switch (match.uri->kind) {
    case TextMatch::Kind::exact:
      out.set_path(match.uri->text);
      break;
    case TextMatch::Kind::regex:
      out.mutable_safe_regex()->set_regex(match.uri->text);
      break;
    default:
      out.set_prefix(match.uri->text);
  }
  if (match.ignore_case) out.mutable_case_sensitive()->set_value(false);
}

void add_header(RouteMatch& out, const std::string& name, const TextMatch& match, bool invert) {
  HeaderMatcher& header = *out.add_headers();
  header.set_name(name);
  if (match.kind == TextMatch::Kind::present)
    header.set_present_match(true);
  else
    set_text(*header.mutable_string_match(), match);
  header.set_invert_match(invert);
}

RouteMatch build_match(const HttpMatch& match) {
  RouteMatch out;
  set_uri(out, match);
  if (match.method) add_header(out, ":method", *match.method, false);
  if (match.authority) add_header(out, ":authority", *match.authority, false);
  for (const auto& [name, text] : match.headers) add_header(out, name, text, false);
  for (const auto& [name, text] : match.without_headers) add_header(out, name, text, true);
  for (const auto& [name, text] : match.query) {
    auto& parameter = *out.add_query_parameters();
    parameter.set_name(name);
    if (text.kind == TextMatch::Kind::present)
      parameter.set_present_match(true);
    else
      set_text(*parameter.mutable_string_match(), text);
  }
  return out;
}

void add_values(google::protobuf::RepeatedPtrField<HeaderValueOption>& out,
                const std::vector<std::pair<std::string, std::string>>& values,
                HeaderValueOption::HeaderAppendAction action) {
  for (const auto& [key, value] : values) {
    HeaderValueOption& option = *out.Add();
    option.mutable_header()->set_key(key);
    option.mutable_header()->set_value(value);
    option.set_append_action(action);
  }
}

/// Of a route, or of one of its destinations: both have the same four fields.
template <class Target>
void set_headers(Target& out, const HeaderChange& request, const HeaderChange& response) {
  constexpr auto kSet = HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD;
  constexpr auto kAdd = HeaderValueOption::APPEND_IF_EXISTS_OR_ADD;
  add_values(*out.mutable_request_headers_to_add(), request.set, kSet);
  add_values(*out.mutable_request_headers_to_add(), request.add, kAdd);
  add_values(*out.mutable_response_headers_to_add(), response.set, kSet);
  add_values(*out.mutable_response_headers_to_add(), response.add, kAdd);
  for (const std::string& name : request.remove) out.add_request_headers_to_remove(name);
  for (const std::string& name : response.remove) out.add_response_headers_to_remove(name);
}

RetryPolicy retry_policy(const Retries& retries) {
  RetryPolicy out;
  out.set_retry_on(retries.retry_on.empty() ? kRetryOn : retries.retry_on);
  out.mutable_num_retries()->set_value(retries.attempts);
  if (retries.per_try_timeout)
    set_duration(*out.mutable_per_try_timeout(), *retries.per_try_timeout);
  auto& predicate = *out.add_retry_host_predicate();
  predicate.set_name("envoy.retry_host_predicates.previous_hosts");
  predicate.mutable_typed_config()->PackFrom(
      envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate());
  out.set_host_selection_retry_max_attempts(5);
  return out;
}

void set_percent(envoy::type::v3::FractionalPercent& out, double percent) {
  out.set_numerator(static_cast<std::uint32_t>(std::lround(percent * 10000)));
  out.set_denominator(envoy::type::v3::FractionalPercent::MILLION);
}

void set_fault(Route& route, const Fault& fault) {
  envoy::extensions::filters::http::fault::v3::HTTPFault out;
  if (fault.delay) {
    set_duration(*out.mutable_delay()->mutable_fixed_delay(), *fault.delay);
    set_percent(*out.mutable_delay()->mutable_percentage(), fault.delay_percent);
  }
  if (fault.abort_status) {
    out.mutable_abort()->set_http_status(*fault.abort_status);
    set_percent(*out.mutable_abort()->mutable_percentage(), fault.abort_percent);
  }
  (*route.mutable_typed_per_filter_config())["envoy.filters.http.fault"].PackFrom(out);
}

class RouteBuilder {
 public:
  RouteBuilder(const Registry& registry, std::uint16_t port) : registry_(registry), port_(port) {}

  /// The route without its match.
  Route build(const HttpRoute& rule) const {
    Route out;
    if (!rule.name.empty()) out.set_name(rule.name);
    if (rule.redirect)
      set_redirect(*out.mutable_redirect(), *rule.redirect);
    else if (rule.direct_response)
      set_direct_response(out, *rule.direct_response);
    else
      set_action(*out.mutable_route(), rule);
    if (rule.fault) set_fault(out, *rule.fault);
    set_headers(out, rule.request_headers, rule.response_headers);
    return out;
  }

 private:
  static void set_redirect(RedirectAction& out, const Redirect& redirect) {
    out.set_host_redirect(redirect.authority);
    if (!redirect.uri.empty()) out.set_path_redirect(redirect.uri);
    if (!redirect.scheme.empty()) out.set_scheme_redirect(redirect.scheme);
    out.set_port_redirect(redirect.port);
    out.set_response_code(redirect.code == 302   ? RedirectAction::FOUND
                          : redirect.code == 303 ? RedirectAction::SEE_OTHER
                          : redirect.code == 307 ? RedirectAction::TEMPORARY_REDIRECT
                          : redirect.code == 308 ? RedirectAction::PERMANENT_REDIRECT
                                                 : RedirectAction::MOVED_PERMANENTLY);
  }

  static void set_direct_response(Route& out, const DirectResponse& response) {
    out.mutable_direct_response()->set_status(response.status);
    if (!response.body.empty())
      out.mutable_direct_response()->mutable_body()->set_inline_string(response.body);
  }

  void set_action(RouteAction& out, const HttpRoute& rule) const {
    if (rule.destinations.size() == 1 && rule.destinations[0].weight == 0) {
      out.set_cluster(cluster_of(rule.destinations[0]));
    } else {
      for (const Destination& one : rule.destinations)
        add_weighted(*out.mutable_weighted_clusters()->add_clusters(), one);
    }
    if (!rule.rewrite_uri.empty()) out.set_prefix_rewrite(rule.rewrite_uri);
    if (!rule.rewrite_authority.empty()) out.set_host_rewrite_literal(rule.rewrite_authority);
    set_duration(*out.mutable_timeout(), rule.timeout.value_or(Duration::zero()));
    const Retries retries = rule.retries.value_or(Retries{});
    if (retries.attempts > 0) *out.mutable_retry_policy() = retry_policy(retries);
  }

  void add_weighted(envoy::config::route::v3::WeightedCluster::ClusterWeight& out,
                    const Destination& destination) const {
    out.set_name(cluster_of(destination));
    out.mutable_weight()->set_value(destination.weight);
    set_headers(out, destination.request_headers, destination.response_headers);
  }

  /// The port that is asked for, else the request's if the host has it, else the only one.
  std::string cluster_of(const Destination& destination) const {
    std::uint16_t port = destination.port != 0 ? destination.port : port_;
    const Service* service = find_service(registry_, destination.host);
    if (destination.port == 0 && service != nullptr && find_port(*service, port_) == nullptr &&
        service->ports.size() == 1)
      port = service->ports[0].number;
    return cluster_name(port, destination.subset, destination.host);
  }

  const Registry& registry_;
  const std::uint16_t port_;
};

}  // namespace

Route default_route(const std::string& cluster) {
  Route out;
  out.set_name("default");
  out.mutable_match()->set_prefix("/");
  out.mutable_route()->set_cluster(cluster);
  out.mutable_route()->mutable_timeout();  // 0: none
  *out.mutable_route()->mutable_retry_policy() = retry_policy({});
  return out;
}

std::vector<Route> build_routes(const VirtualService& rules, const Registry& registry,
                                std::uint16_t port) {
  std::vector<Route> out;
  const RouteBuilder builder(registry, port);
  for (const HttpRoute& rule : rules.http) {
    Route route = builder.build(rule);
    set_origin(*route.mutable_metadata(), "virtual-service", rules.object);
    if (rule.matches.empty()) route.mutable_match()->set_prefix("/");
    if (rule.matches.empty()) out.push_back(route);
    for (const HttpMatch& match : rule.matches) {
      if (match.port != 0 && match.port != port) continue;
      *route.mutable_match() = build_match(match);
      out.push_back(route);
    }
  }
  return out;
}

}  // namespace weir::control
