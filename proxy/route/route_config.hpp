// SPDX-License-Identifier: Apache-2.0
// What a route configuration is, after parsing: narrow types, no proto, immutable.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/http/metadata.hpp"
#include "proxy/route/header_mutation.hpp"
#include "proxy/route/matchers.hpp"

namespace weir::config {
class RouteFilterConfig;  // config/filter_registry.hpp: what typed_per_filter_config holds
}

namespace weir::route {

/// typed_per_filter_config of one level. `disabled`: the filter is left out. Neither `config` nor
/// `disabled`: a filter that is disabled by default is not left out.
struct RouteFilter {
  std::string filter;  // the name of the entry in http_filters
  std::shared_ptr<const config::RouteFilterConfig> config;
  bool disabled = false;
};
using RouteFilters = std::vector<RouteFilter>;

/// route.v3.RetryPolicy. `conditions` is a set of RetryOn.
enum class RetryOn : std::uint32_t {
  five_xx = 1u << 0,
  gateway_error = 1u << 1,
  reset = 1u << 2,
  reset_before_request = 1u << 3,
  connect_failure = 1u << 4,
  refused_stream = 1u << 5,
  retriable_4xx = 1u << 6,
  retriable_status_codes = 1u << 7,
  retriable_headers = 1u << 8,
  envoy_ratelimited = 1u << 9,
  grpc_cancelled = 1u << 10,
  grpc_deadline_exceeded = 1u << 11,
  grpc_internal = 1u << 12,
  grpc_resource_exhausted = 1u << 13,
  grpc_unavailable = 1u << 14,
};
struct RetryPolicy {
  std::uint32_t conditions = 0;                       // RetryOn bits
  std::uint32_t retries = 1;                          // num_retries
  std::chrono::milliseconds per_try_timeout{0};       // 0 = none
  std::chrono::milliseconds per_try_idle_timeout{0};  // 0 = none
  std::chrono::milliseconds backoff_base{25};
  std::chrono::milliseconds backoff_most{250};
  std::vector<std::uint16_t> status_codes;      // retriable_status_codes
  std::vector<HeaderMatcher> response_headers;  // retriable_headers
  std::vector<HeaderMatcher> request_headers;   // retriable_request_headers; all requests if empty
  bool avoid_previous_hosts = false;            // retry_host_predicate previous_hosts
  std::uint32_t host_selection_attempts = 1;    // host_selection_retry_max_attempts
};
/// Words of `retry_on` and of x-envoy-retry-on, comma separated; unknown ones are passed over.
std::uint32_t parse_retry_on(std::string_view words);
std::uint32_t parse_retry_grpc_on(std::string_view words);

struct RegexRewrite {
  std::shared_ptr<const re2::RE2> pattern;
  std::string substitution;  // \0 … \9
};

struct PathRewrite {
  std::string prefix;  // prefix_rewrite; "" = none
  std::optional<RegexRewrite> regex;
};

/// route.v3.RedirectAction.
struct RedirectAction {
  std::optional<std::string> host;
  std::optional<std::uint16_t> port;
  bool https = false;
  std::string scheme;   // scheme_redirect
  std::string path;     // path_redirect; may hold a query
  PathRewrite rewrite;  // prefix_rewrite, regex_rewrite
  std::uint16_t status = 301;
  bool strip_query = false;
};

/// route.v3.DirectResponseAction.
struct DirectResponse {
  std::uint16_t status = 200;
  std::string body;
};

struct WeightedCluster {
  std::string name;            // or
  std::string cluster_header;  // lower case, names the cluster per request
  std::uint32_t weight = 0;
  HeaderMutations request_headers;
  HeaderMutations response_headers;
  std::string host_rewrite;  // host_rewrite_literal
  RouteFilters filters;
};

enum class Priority : std::uint8_t { normal, high };

/// route.v3.RouteAction.
struct ForwardAction {
  // Exactly one of the three.
  std::string cluster;
  std::string cluster_header;  // lower case
  std::vector<WeightedCluster> weighted;
  std::uint32_t total_weight = 0;

  std::uint16_t cluster_not_found_status = 503;
  PathRewrite rewrite;
  std::string host_rewrite;         // host_rewrite_literal
  bool auto_host_rewrite = false;   // the host's configured name
  std::string host_rewrite_header;  // lower case
  std::optional<RegexRewrite> host_rewrite_path_regex;
  bool append_x_forwarded_host = false;
  std::optional<std::chrono::milliseconds> timeout;       // 15 s when not given; 0 = none
  std::optional<std::chrono::milliseconds> idle_timeout;  // replaces stream_idle_timeout; 0 = none
  std::optional<std::chrono::milliseconds> max_stream_duration;      // 0 = none
  std::optional<std::chrono::milliseconds> grpc_timeout_header_max;  // 0 = as the header says
  std::optional<std::chrono::milliseconds> max_grpc_timeout;         // deprecated twin
  std::shared_ptr<const RetryPolicy> retry;                          // null: the virtual host's
  Priority priority = Priority::normal;
  std::vector<std::pair<std::string, bool>> upgrades;               // lower-case type → enabled
  std::vector<std::pair<std::string, std::string>> metadata_match;  // kept for display only
};

/// route.v3.RouteMatch.
struct RouteMatch {
  enum class Path : std::uint8_t { prefix, exact, separated_prefix, regex, connect };
  Path kind = Path::prefix;
  std::string path;  // lower case when not case_sensitive
  bool case_sensitive = true;
  std::shared_ptr<const re2::RE2> regex;  // of the whole path without query
  std::vector<HeaderMatcher> headers;
  std::vector<QueryParameterMatcher> query;
  std::optional<Fraction> fraction;  // runtime_fraction
  bool grpc = false;
};

/// route.v3.Route.
struct Route {
  std::string name;
  RouteMatch match;
  std::variant<ForwardAction, RedirectAction, DirectResponse> action;
  HeaderMutations request_headers;
  HeaderMutations response_headers;
  RouteFilters filters;
  std::string decorator;                           // decorator.operation
  std::shared_ptr<const http::Metadata> metadata;  // values are JSON; nullptr: none
};

/// route.v3.VirtualHost.
struct VirtualHost {
  enum class RequireTls : std::uint8_t { none, external, all };
  std::string name;
  std::vector<std::string> domains;  // lower case
  std::vector<Route> routes;
  RequireTls require_tls = RequireTls::none;
  HeaderMutations request_headers;
  HeaderMutations response_headers;
  std::shared_ptr<const RetryPolicy> retry;
  bool include_request_attempt_count = false;
  bool include_attempt_count_in_response = false;
  RouteFilters filters;
  std::shared_ptr<const http::Metadata> metadata;  // as a route's
};

using ClusterExists = std::function<bool(const std::string& name)>;

/// route.v3.RouteConfiguration.
struct RouteConfig {
  std::string name;
  std::vector<VirtualHost> virtual_hosts;
  HeaderMutations request_headers;
  HeaderMutations response_headers;
  std::vector<std::string> internal_only_headers;  // lower case
  bool most_specific_header_mutations_wins = false;
  bool ignore_port_in_host_matching = false;
  bool validate_clusters = true;  // clusters that routes name must exist
  RouteFilters filters;

  /// Envoy's text for each cluster that a route names and that does not exist; none when
  /// `validate_clusters` is false.
  [[nodiscard]] std::vector<std::string> check_clusters(const ClusterExists& exists) const;
  /// Every cluster that a route names, once each.
  [[nodiscard]] std::vector<std::string> cluster_names() const;
};

}  // namespace weir::route
