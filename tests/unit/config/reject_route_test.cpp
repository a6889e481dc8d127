// SPDX-License-Identifier: Apache-2.0
// Routes that are refused, with line, column, path and reason.
#include "tests/unit/config/config_text.hpp"

namespace weir::config::testing {
namespace {

const std::string kChain = kListener + ".filter_chains[0]";

std::vector<RejectCase> route_cases() {
  return {
      {"NoMatch", one_route("                route: { cluster: c }\n"),
       "17:17: " + kRoute + ": route has no match"},
      {"NoAction", one_route("                match: { prefix: / }\n"),
       "17:17: " + kRoute + ": route has no action: expected route, redirect or direct_response"},
      {"NoPath", one_route("                match: {}\n                route: { cluster: c }\n"),
       "18:17: " + kRoute +
           ".match: matches no path: expected prefix, path, safe_regex, path_separated_prefix or "
           "connect_matcher"},
      {"TwoPaths",
       one_route("                match: { prefix: /, path: /a }\n                route: { "
                 "cluster: c }\n"),
       "18:37: " + kRoute + ".match.path: 'path' and 'prefix' exclude each other"},
      {"SeparatedPrefix",
       one_route("                match: { path_separated_prefix: /a/ }\n                route: { "
                 "cluster: c }\n"),
       "18:26: " + kRoute +
           ".match.path_separated_prefix: '/a/': must have at least two characters, neither '?' "
           "nor '#', and no '/' at its end"},
      {"SeparatedRoot",
       one_route("                match: { path_separated_prefix: / }\n                route: { "
                 "cluster: c }\n"),
       "18:26: " + kRoute +
           ".match.path_separated_prefix: '/': must have at least two characters, neither '?' nor "
           "'#', and no '/' at its end"},
      {"Regex",
       one_route("                match: { safe_regex: { regex: \"(\" } }\n                route: "
                 "{ cluster: c }\n"),
       "18:40: " + kRoute + ".match.safe_regex.regex: missing ): ("},
      {"NoRegex",
       one_route(
           "                match: { safe_regex: {} }\n                route: { cluster: c }\n"),
       "18:26: " + kRoute + ".match.safe_regex: has no regex"},
      {"HeaderName",
       one_route("                match: { prefix: /, headers: [ { present_match: true } ] }\n     "
                 "           route: { cluster: c }\n"),
       "18:48: " + kRoute + ".match.headers[0]: header matcher has no name"},
      {"HeaderPrefix",
       one_route("                match: { prefix: /, headers: [ { name: a, prefix_match: \"\" } ] "
                 "}\n                route: { cluster: c }\n"),
       "18:59: " + kRoute + ".match.headers[0].prefix_match: is empty: every text would match"},
      {"HeaderText",
       one_route("                match: { prefix: /, headers: [ { name: a, string_match: {} } ] "
                 "}\n                route: { cluster: c }\n"),
       "18:59: " + kRoute +
           ".match.headers[0].string_match: names no pattern: expected exact, prefix, suffix, "
           "contains or safe_regex"},
      {"HeaderRegexCase",
       one_route(
           "                match: { prefix: /, headers: [ { name: a, string_match: { ignore_case: "
           "true, safe_regex: { regex: a } } } ] }\n                route: { cluster: c }\n"),
       "18:75: " + kRoute +
           ".match.headers[0].string_match.ignore_case: ignore_case has no effect for safe_regex."},
      {"QueryName",
       one_route("                match: { prefix: /, query_parameters: [ {} ] }\n                "
                 "route: { cluster: c }\n"),
       "18:57: " + kRoute + ".match.query_parameters[0]: query parameter matcher has no name"},
      {"Fraction",
       one_route("                match: { prefix: /, runtime_fraction: {} }\n                "
                 "route: { cluster: c }\n"),
       "18:37: " + kRoute + ".match.runtime_fraction: has no default_value"},
      {"Cookies",
       one_route("                match: { prefix: /, cookies: [] }\n                route: { "
                 "cluster: c }\n"),
       "18:37: " + kRoute +
           ".match.cookies: field 'cookies' of envoy.config.route.v3.RouteMatch is not supported "
           "by this version of weir-proxy"},
      {"NoCluster", one_route("                match: { prefix: / }\n                route: {}\n"),
       "19:17: " + kRoute +
           ".route: names no cluster: expected cluster, cluster_header or weighted_clusters"},
      {"EmptyCluster",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: \"\" }\n"),
       "19:26: " + kRoute + ".route.cluster: cluster name is empty"},
      {"UnknownCluster",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: missing }\n"),
       "6:7: " + kChain + ": route: unknown cluster 'missing'"},
      {"UnknownWeighted",
       one_route("                match: { prefix: / }\n                route: { "
                 "weighted_clusters: { clusters: [ { name: missing, weight: 1 } ] } }\n"),
       "6:7: " + kChain + ": route: unknown weighted cluster 'missing'"},
      {"ClusterHeader",
       one_route("                match: { prefix: / }\n                route: { cluster_header: "
                 "\"a b\" }\n"),
       "19:26: " + kRoute + ".route.cluster_header: 'a b': not a header name"},
      {"NoWeights",
       one_route("                match: { prefix: / }\n                route: { "
                 "weighted_clusters: {} }\n"),
       "19:26: " + kRoute + ".route.weighted_clusters: must contain at least 1 cluster"},
      {"NoWeight",
       one_route("                match: { prefix: / }\n                route: { "
                 "weighted_clusters: { clusters: [ { name: c } ] } }\n"),
       "19:59: " + kRoute + ".route.weighted_clusters.clusters[0]: cluster 'c' has no weight"},
      {"WeightZero",
       one_route("                match: { prefix: / }\n                route: { "
                 "weighted_clusters: { clusters: [ { name: c, weight: 0 } ] } }\n"),
       "19:26: " + kRoute +
           ".route.weighted_clusters: Sum of weights in the weighted_cluster must be greater than "
           "0."},
      {"WeightSum",
       one_route(
           "                match: { prefix: / }\n                route: { weighted_clusters: { "
           "clusters: [ { name: c, weight: 4294967295 }, { name: c, weight: 1 } ] } }\n"),
       "19:26: " + kRoute +
           ".route.weighted_clusters: The sum of weights of all weighted clusters exceeds "
           "4294967295"},
      {"WeightNameless",
       one_route("                match: { prefix: / }\n                route: { "
                 "weighted_clusters: { clusters: [ { weight: 1 } ] } }\n"),
       "19:59: " + kRoute +
           ".route.weighted_clusters.clusters[0]: At least one of name or cluster_header need to "
           "be specified"},
      {"WeightTwoNames",
       one_route(
           "                match: { prefix: / }\n                route: { weighted_clusters: { "
           "clusters: [ { name: c, cluster_header: d, weight: 1 } ] } }\n"),
       "19:59: " + kRoute +
           ".route.weighted_clusters.clusters[0]: Only one of name or cluster_header can be "
           "specified"},
      {"TwoRewrites",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: c, "
           "prefix_rewrite: /a, regex_rewrite: { pattern: { regex: a }, substitution: b } }\n"),
       "19:17: " + kRoute +
           ".route: Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy"},
      {"NoPattern",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "regex_rewrite: { substitution: b } }\n"),
       "19:38: " + kRoute + ".route.regex_rewrite: has no pattern"},
      {"Timeout",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "timeout: -1s }\n"),
       "19:38: " + kRoute + ".route.timeout: duration is negative"},
      {"Upgrade",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: c, "
           "upgrade_configs: [ { upgrade_type: websocket }, { upgrade_type: WebSocket } ] }\n"),
       "19:86: " + kRoute + ".route.upgrade_configs[1]: Duplicate upgrade WebSocket"},
      {"HostRewrites",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "host_rewrite_literal: a, auto_host_rewrite: true }\n"),
       "19:63: " + kRoute +
           ".route.auto_host_rewrite: 'auto_host_rewrite' and 'host_rewrite_literal' exclude each "
           "other"},
      {"HedgePolicy",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "hedge_policy: { hedge_on_per_try_timeout: true } }\n"),
       "19:38: " + kRoute +
           ".route.hedge_policy: field 'hedge_policy' of envoy.config.route.v3.RouteAction is not "
           "supported by this version of weir-proxy"},
      {"RateLimits",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "rate_limits: [] }\n"),
       "19:38: " + kRoute +
           ".route.rate_limits: field 'rate_limits' of envoy.config.route.v3.RouteAction is not "
           "supported by this version of weir-proxy"},
      {"BackoffBase",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "retry_policy: { retry_back_off: { max_interval: 1s } } }\n"),
       "19:54: " + kRoute + ".route.retry_policy.retry_back_off: has no base_interval"},
      {"BackoffOrder",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "retry_policy: { retry_back_off: { base_interval: 1s, max_interval: 0.5s } } }\n"),
       "19:54: " + kRoute +
           ".route.retry_policy.retry_back_off: retry_policy.max_interval must greater than or "
           "equal to the base_interval"},
      {"RetryHosts",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "retry_policy: { retry_host_predicate: [ { name: x } ] } }\n"),
       "19:78: " + kRoute +
           ".route.retry_policy.retry_host_predicate[0]: Didn't find a registered implementation "
           "for 'x' with type URL: ''; known: envoy.retry_host_predicates.previous_hosts"},
      {"RetryAttempts",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "retry_policy: { host_selection_retry_max_attempts: -1 } }\n"),
       "19:54: " + kRoute +
           ".route.retry_policy.host_selection_retry_max_attempts: must be greater than or equal "
           "to 0"},
      {"RetryPriority",
       one_route("                match: { prefix: / }\n                route: { cluster: c, "
                 "retry_policy: { retry_priority: { name: x } } }\n"),
       "19:54: " + kRoute +
           ".route.retry_policy.retry_priority: field 'retry_priority' of "
           "envoy.config.route.v3.RetryPolicy is not supported by this version of weir-proxy"},
      {"RedirectPort",
       one_route("                match: { prefix: / }\n                redirect: { port_redirect: "
                 "65536 }\n"),
       "19:29: " + kRoute + ".redirect.port_redirect: port '65536': must be at most 65535"},
      {"RedirectHost",
       one_route("                match: { prefix: / }\n                redirect: { host_redirect: "
                 "\"a\\nb\" }\n"),
       "19:29: " + kRoute + ".redirect.host_redirect: holds a line break or a zero byte"},
      {"RedirectTwice",
       one_route("                match: { prefix: / }\n                redirect: { path_redirect: "
                 "/a, prefix_rewrite: /b }\n"),
       "19:48: " + kRoute +
           ".redirect.prefix_rewrite: 'prefix_rewrite' and 'path_redirect' exclude each other"},
      {"TwoActions",
       one_route("                match: { prefix: / }\n                redirect: {}\n             "
                 "   route: { cluster: c }\n"),
       "20:17: " + kRoute + ".route: 'route' and 'redirect' exclude each other"},
      {"Status",
       one_route("                match: { prefix: / }\n                direct_response: { status: "
                 "199 }\n"),
       "19:36: " + kRoute + ".direct_response.status: status '199': must be 200 to 599"},
      {"NoStatus",
       one_route("                match: { prefix: / }\n                direct_response: {}\n"),
       "19:17: " + kRoute + ".direct_response.status: status '0': must be 200 to 599"},
      {"BodySize",
       one_route("                match: { prefix: / }\n                direct_response: { status: "
                 "200, body: { inline_string: \"" +
                 std::string(4097, 'x') + "\" } }\n"),
       "19:49: " + kRoute +
           ".direct_response.body: response body size is 4097 bytes; maximum is 4096"},
      {"BodyFile",
       one_route("                match: { prefix: / }\n                direct_response: { status: "
                 "200, body: { filename: /nonexistent } }\n"),
       "19:57: " + kRoute +
           ".direct_response.body.filename: file '/nonexistent': No such file or directory"},
      {"HeaderPath",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: c }\n          "
           "      request_headers_to_add: [ { header: { key: \":path\", value: x } } ]\n"),
       "20:43: " + kRoute +
           ".request_headers_to_add[0]: :-prefixed or host headers may not be modified"},
      {"HeaderHost",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            request_headers_to_add: [ { header: { key: Host, value: x } } ]\n"),
       "20:43: " + kRoute +
           ".request_headers_to_add[0]: :-prefixed or host headers may not be modified"},
      {"HeaderStatus",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: c }\n          "
           "      response_headers_to_add: [ { header: { key: \":status\", value: x } } ]\n"),
       "20:44: " + kRoute +
           ".response_headers_to_add[0]: :-prefixed or host headers may not be modified"},
      {"HeaderRemoved",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            request_headers_to_remove: [ a, Host ]\n"),
       "20:49: " + kRoute +
           ".request_headers_to_remove[1]: :-prefixed or host headers may not be removed"},
      {"HeaderRemovedPseudo",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            response_headers_to_remove: [ \":status\" ]\n"),
       "20:47: " + kRoute +
           ".response_headers_to_remove[0]: :-prefixed or host headers may not be removed"},
      {"HeaderToken",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: c }\n          "
           "      request_headers_to_add: [ { header: { key: \"a b\", value: x } } ]\n"),
       "20:55: " + kRoute + ".request_headers_to_add[0].header.key: 'a b': not a header name"},
      {"HeaderKey",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            request_headers_to_add: [ { header: { value: x } } ]\n"),
       "20:45: " + kRoute + ".request_headers_to_add[0].header: header has no key"},
      {"HeaderMissing",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            request_headers_to_add: [ {} ]\n"),
       "20:43: " + kRoute + ".request_headers_to_add[0]: has no header"},
      {"HeaderValue",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: c }\n          "
           "      request_headers_to_add: [ { header: { key: a, value: \"x\\r\\ny\" } } ]\n"),
       "20:63: " + kRoute +
           ".request_headers_to_add[0].header.value: holds a line break or a zero byte"},
      {"HeaderFormat",
       one_route(
           "                match: { prefix: / }\n                route: { cluster: c }\n          "
           "      request_headers_to_add: [ { header: { key: a, value: \"%NOPE%\" } } ]\n"),
       "20:63: " + kRoute +
           ".request_headers_to_add[0].header.value: access log format: position 1: operator "
           "'NOPE': not known"},
      {"HeaderAppend",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            request_headers_to_add: [ { header: { key: a, value: b }, append: "
                 "true, append_action: ADD_IF_ABSENT } ]\n"),
       "20:43: " + kRoute +
           ".request_headers_to_add[0]: Both append and append_action are set and it's not "
           "allowed"},
      {"FilterUnknown",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            typed_per_filter_config:\n                  envoy.filters.http.nope: "
                 "{ \"@type\": type.googleapis.com/envoy.Nope }\n"),
       "21:19: " + kRoute +
           ".typed_per_filter_config.envoy.filters.http.nope: Didn't find a registered "
           "implementation for 'typed_per_filter_config' with type URL: "
           "'type.googleapis.com/envoy.Nope'; known: envoy.config.core.v3.Locality"},
      {"FilterEmpty",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            typed_per_filter_config:\n                  envoy.filters.http.test: "
                 "{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig }\n"),
       "21:19: " + kRoute +
           ".typed_per_filter_config.envoy.filters.http.test: Empty route/virtual host per filter "
           "configuration for envoy.filters.http.test filter"},
      {"FilterWrapped",
       one_route("                match: { prefix: / }\n                route: { cluster: c }\n    "
                 "            typed_per_filter_config:\n                  envoy.filters.http.test: "
                 "{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, config: { "
                 "\"@type\": type.googleapis.com/google.protobuf.Duration, value: 1s } }\n"),
       "21:111: " + kRoute +
           ".typed_per_filter_config.envoy.filters.http.test.config: Didn't find a registered "
           "implementation for 'typed_per_filter_config' with type URL: "
           "'type.googleapis.com/google.protobuf.Duration'; known: envoy.config.core.v3.Locality"},
  };
}

INSTANTIATE_TEST_SUITE_P(Route, Reject, ::testing::ValuesIn(route_cases()), case_name);

}  // namespace
}  // namespace weir::config::testing
