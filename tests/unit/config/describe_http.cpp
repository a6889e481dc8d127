// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/config/describe_http.hpp"

#include <chrono>
#include <sstream>
#include <variant>

#include <re2/re2.h>

#include "proxy/access_log/format.hpp"
#include "proxy/access_log/record.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace weir::config::testing {
namespace {

using namespace route;
using Out = std::ostream;

std::string text_of(std::chrono::milliseconds time) { return std::to_string(time.count()) + "ms"; }

std::string rendered(const access_log::Format& format) {
  std::string out;
  format.render({}, out);
  for (std::size_t at = out.find('\n'); at != std::string::npos; at = out.find('\n'))
    out.replace(at, 1, "\\n");
  return out;
}

std::string text_of(const StringMatcher& matcher) {
  constexpr std::string_view kKinds[] = {"any", "=", "prefix ", "suffix ", "contains ", "~"};
  return std::string(kKinds[static_cast<int>(matcher.kind)]) +
         (matcher.regex ? matcher.regex->pattern() : matcher.text) +
         (matcher.ignore_case ? " (any case)" : "");
}

std::string text_of(const HeaderMatcher& matcher) {
  using Kind = HeaderMatcher::Kind;
  std::string out = matcher.name + (matcher.invert ? " not" : "") +
                    (matcher.treat_missing_as_empty ? " or empty" : "");
  if (matcher.kind == Kind::present) return out + " present";
  if (matcher.kind == Kind::absent) return out + " absent";
  if (matcher.kind == Kind::string) return out + " " + text_of(matcher.string);
  return out + " in [" + std::to_string(matcher.range_start) + "," +
         std::to_string(matcher.range_end) + ")";
}

void mutations(Out& out, const std::string& indent, std::string_view name,
               const HeaderMutations& all) {
  constexpr std::string_view kActions[] = {"append", "if absent", "overwrite", "if present"};
  for (const std::string& header : all.remove)
    out << indent << name << " remove " << header << "\n";
  for (const HeaderAddition& addition : all.add)
    out << indent << name << " " << kActions[static_cast<int>(addition.action)] << " "
        << addition.name << ": "
        << (addition.format ? "format " + rendered(*addition.format) : addition.literal)
        << (addition.keep_empty ? " (even empty)" : "") << "\n";
}

template <class Level>
void both_mutations(Out& out, const std::string& indent, const Level& level) {
  mutations(out, indent, "request", level.request_headers);
  mutations(out, indent, "response", level.response_headers);
}

void filters_of(Out& out, const std::string& indent, const RouteFilters& filters) {
  for (const RouteFilter& filter : filters) {
    out << indent << "filter '" << filter.filter << "'";
    if (filter.disabled) out << " disabled";
    const auto* const config = dynamic_cast<const TestRouteFilter*>(filter.config.get());
    out << (config == nullptr ? std::string(filter.disabled ? "" : " enabled")
                              : " says " + config->text)
        << "\n";
  }
}

void retry(Out& out, const std::string& indent, const RetryPolicy* policy) {
  if (policy == nullptr) return;
  out << indent << "retry on 0x" << std::hex << policy->conditions << std::dec << " "
      << policy->retries << " times, per try " << text_of(policy->per_try_timeout) << " idle "
      << text_of(policy->per_try_idle_timeout) << ", backoff " << text_of(policy->backoff_base)
      << ".." << text_of(policy->backoff_most);
  for (const auto code : policy->status_codes) out << " code " << code;
  if (policy->avoid_previous_hosts)
    out << " other hosts (" << policy->host_selection_attempts << ")";
  for (const auto& header : policy->response_headers) out << " response " << text_of(header);
  for (const auto& header : policy->request_headers) out << " request " << text_of(header);
  out << "\n";
}

std::string text_of(const PathRewrite& rewrite) {
  std::string out;
  if (!rewrite.prefix.empty()) out += " prefix to " + rewrite.prefix;
  if (rewrite.regex)
    out += " regex " + rewrite.regex->pattern->pattern() + " to " + rewrite.regex->substitution;
  return out;
}

void action(Out& out, const std::string& indent, const ForwardAction& forward) {
  out << indent << "forward";
  if (!forward.cluster.empty()) out << " to " << forward.cluster;
  if (!forward.cluster_header.empty()) out << " by header " << forward.cluster_header;
  out << " else " << forward.cluster_not_found_status << text_of(forward.rewrite);
  if (!forward.host_rewrite.empty()) out << " host " << forward.host_rewrite;
  if (forward.auto_host_rewrite) out << " host automatic";
  if (!forward.host_rewrite_header.empty()) out << " host of " << forward.host_rewrite_header;
  if (forward.host_rewrite_path_regex)
    out << " host of path" << text_of(PathRewrite{"", forward.host_rewrite_path_regex});
  if (forward.append_x_forwarded_host) out << " x-forwarded-host";
  const auto time = [&](std::string_view name, const auto& value) {
    if (value) out << " " << name << " " << text_of(*value);
  };
  time("timeout", forward.timeout);
  time("idle", forward.idle_timeout);
  time("stream", forward.max_stream_duration);
  time("grpc", forward.grpc_timeout_header_max);
  time("old grpc", forward.max_grpc_timeout);
  if (forward.priority == Priority::high) out << " high";
  for (const auto& [type, enabled] : forward.upgrades)
    out << (enabled ? " upgrade " : " no upgrade ") << type;
  for (const auto& [key, value] : forward.metadata_match) out << " " << key << "=" << value;
  out << "\n";
  for (const WeightedCluster& cluster : forward.weighted) {
    out << indent << "  " << cluster.weight << " of " << forward.total_weight << " "
        << (cluster.name.empty() ? "by header " + cluster.cluster_header : cluster.name)
        << (cluster.host_rewrite.empty() ? "" : " host " + cluster.host_rewrite) << "\n";
    both_mutations(out, indent + "    ", cluster);
    filters_of(out, indent + "    ", cluster.filters);
  }
  retry(out, indent + "  ", forward.retry.get());
}

void action(Out& out, const std::string& indent, const RedirectAction& redirect) {
  out << indent << "redirect " << redirect.status;
  if (redirect.https) out << " https";
  if (!redirect.scheme.empty()) out << " scheme " << redirect.scheme;
  if (redirect.host) out << " host " << *redirect.host;
  if (redirect.port) out << " port " << *redirect.port;
  if (!redirect.path.empty()) out << " path " << redirect.path;
  out << text_of(redirect.rewrite) << (redirect.strip_query ? " without query" : "") << "\n";
}

void action(Out& out, const std::string& indent, const DirectResponse& response) {
  out << indent << "answer " << response.status << " '" << response.body << "'\n";
}

void match(Out& out, const RouteMatch& match) {
  constexpr std::string_view kKinds[] = {"prefix", "exact", "separated prefix", "regex", "connect"};
  out << kKinds[static_cast<int>(match.kind)] << " "
      << (match.regex ? match.regex->pattern() : match.path);
  if (!match.case_sensitive) out << " (any case)";
  for (const auto& header : match.headers) out << ", " << text_of(header);
  for (const auto& parameter : match.query)
    out << ", ?" << parameter.name << " "
        << (parameter.kind == QueryParameterMatcher::Kind::present  ? "present"
            : parameter.kind == QueryParameterMatcher::Kind::absent ? "absent"
                                                                    : text_of(parameter.string));
  if (match.fraction)
    out << ", " << match.fraction->numerator << "/" << match.fraction->denominator;
  if (match.grpc) out << ", grpc";
}

void host(Out& out, const VirtualHost& config) {
  constexpr std::string_view kTls[] = {"", ", TLS outside", ", TLS"};
  out << "      host '" << config.name << "':";
  for (const std::string& domain : config.domains) out << " " << domain;
  out << kTls[static_cast<int>(config.require_tls)]
      << (config.include_request_attempt_count ? ", counts attempts" : "")
      << (config.include_attempt_count_in_response ? ", tells attempts" : "") << "\n";
  both_mutations(out, "        ", config);
  filters_of(out, "        ", config.filters);
  retry(out, "        ", config.retry.get());
  for (const Route& route : config.routes) {
    out << "        route '" << route.name << "' ";
    match(out, route.match);
    out << (route.decorator.empty() ? "" : ", called " + route.decorator) << "\n";
    if (route.metadata != nullptr)
      for (const auto& [space, key, value] : route.metadata->entries)
        out << "          metadata " << space << " " << key << " " << value << "\n";
    std::visit([&](const auto& what) { action(out, "          ", what); }, route.action);
    both_mutations(out, "          ", route);
    filters_of(out, "          ", route.filters);
  }
}

void options(Out& out, const std::string& indent, const http::HttpOptions& common,
             const http::Http1Options& http1, const http::Http2Options& http2) {
  constexpr std::string_view kUnderscores[] = {"", " no underscores", " underscores dropped"};
  out << indent << "idle "
      << (common.idle_timeout ? text_of(*common.idle_timeout) : std::string("default"))
      << " connection " << text_of(common.max_connection_duration) << " stream "
      << text_of(common.max_stream_duration) << " headers " << common.max_headers << " requests "
      << common.max_requests_per_connection << kUnderscores[static_cast<int>(common.underscores)]
      << "\n";
  out << indent << "http1" << (http1.allow_absolute_url ? " absolute" : "")
      << (http1.accept_http_10 ? " 1.0" : "") << (http1.enable_trailers ? " trailers" : "")
      << (http1.send_fully_qualified_url ? " sends absolute" : "")
      << (http1.header_case == http::Http1Options::HeaderCase::proper ? " Proper-Case" : "")
      << "\n";
  out << indent << "http2 table " << http2.header_table_size << " streams "
      << http2.max_concurrent_streams << " windows " << http2.initial_stream_window << "/"
      << http2.initial_connection_window << " priority "
      << http2.max_inbound_priority_frames_per_stream << " updates "
      << http2.max_inbound_window_updates_per_data << " empty " << http2.max_empty_frames << " out "
      << http2.max_outbound_frames << "/" << http2.max_outbound_control_frames
      << (http2.allow_connect ? " connect" : "")
      << (http2.stream_error_on_invalid_message ? " stream errors" : "");
  if (http2.keepalive_interval)
    out << " ping " << text_of(*http2.keepalive_interval) << " within "
        << text_of(http2.keepalive_timeout);
  out << "\n";
}

void local_replies(Out& out, const filters::LocalReplyConfig& config) {
  const auto format = [&](const std::shared_ptr<const access_log::Format>& value,
                          const std::string& type) {
    if (value) out << " format " << rendered(*value);
    if (!type.empty()) out << " as " << type;
    out << "\n";
  };
  if (config.format || !config.content_type.empty()) {
    out << "      local replies";
    format(config.format, config.content_type);
  }
  for (const auto& mapper : config.mappers) {
    out << "      mapper" << (mapper.filter ? "" : " without filter");
    if (mapper.status) out << " status " << *mapper.status;
    if (mapper.body) out << " body '" << *mapper.body << "'";
    format(mapper.format, mapper.content_type);
    mutations(out, "        ", "header", mapper.headers);
  }
}

void settings(Out& out, const filters::HcmConfig& config) {
  constexpr std::string_view kServer[] = {"overwrite", "if absent", "pass"};
  constexpr std::string_view kSlashes[] = {"keep", "reject", "redirect", "unescape"};
  constexpr std::string_view kCerts[] = {"sanitize", "forward", "always forward"};
  out << "      headers " << config.max_request_headers_kb << "kb idle "
      << text_of(config.stream_idle_timeout) << " request " << text_of(config.request_timeout)
      << " headers " << text_of(config.request_headers_timeout) << " drain "
      << text_of(config.drain_timeout) << " close " << text_of(config.delayed_close_timeout)
      << "\n      server '" << config.server_name << "' "
      << kServer[static_cast<int>(config.server_header)] << " via '" << config.via << "' slashes "
      << kSlashes[static_cast<int>(config.escaped_slashes)] << " certificates "
      << kCerts[static_cast<int>(config.forward_client_cert)] << " hops " << config.xff_trusted_hops
      << "\n      flags";
  const std::pair<bool, std::string_view> flags[] = {
      {config.add_user_agent, "user_agent"},
      {config.use_remote_address, "remote_address"},
      {config.skip_xff_append, "skip_xff"},
      {config.generate_request_id, "request_id"},
      {config.preserve_external_request_id, "preserve_id"},
      {config.always_set_request_id_in_response, "id_in_response"},
      {config.normalize_path, "normalize"},
      {config.merge_slashes, "merge"},
      {config.strip_any_host_port, "strip_any"},
      {config.strip_matching_host_port, "strip_matching"},
      {config.strip_trailing_host_dot, "strip_dot"},
      {config.proxy_100_continue, "continue"},
      {config.stream_error_on_invalid_message, "stream_error"},
      {config.append_x_forwarded_port, "forwarded_port"},
      {config.suppress_envoy_headers, "suppress"},
  };
  for (const auto& [set, name] : flags)
    if (set) out << " " << name;
  for (const auto& [type, by_route] : config.upgrades)
    out << " upgrade " << type << (by_route ? " by route" : "");
  if (config.internal_addresses) {
    out << " internal:";
    for (const CidrRange& range : *config.internal_addresses) out << " " << range.to_string();
  }
  out << "\n";
}

void routes(Out& out, const RouteConfig& config) {
  out << "      routes '" << config.name << "'"
      << (config.most_specific_header_mutations_wins ? ", most specific last" : "")
      << (config.ignore_port_in_host_matching ? ", any port" : "")
      << (config.validate_clusters ? "" : ", clusters may be missing");
  for (const std::string& name : config.internal_only_headers) out << " internal " << name;
  out << "\n";
  both_mutations(out, "      ", config);
  filters_of(out, "      ", config.filters);
  for (const VirtualHost& item : config.virtual_hosts) host(out, item);
}

void health_check(Out& out, const HealthCheckConfig& check) {
  constexpr std::string_view kKinds[] = {"tcp", "http", "grpc"};
  out << "  check " << kKinds[static_cast<int>(check.kind)] << " " << text_of(check.timeout)
      << " every " << text_of(check.interval) << " jitter " << text_of(check.initial_jitter) << "/"
      << text_of(check.interval_jitter) << "/" << check.interval_jitter_percent << "% after "
      << check.unhealthy_threshold << "/" << check.healthy_threshold << " idle "
      << text_of(check.no_traffic_interval) << " unhealthy " << text_of(check.unhealthy_interval)
      << " edges " << text_of(check.unhealthy_edge_interval) << "/"
      << text_of(check.healthy_edge_interval) << (check.reuse_connection ? "" : " anew");
  if (check.port) out << " port " << *check.port;
  if (!check.send.empty()) out << " send " << check.send.size() << " bytes";
  for (const std::string& bytes : check.receive) out << " receive " << bytes.size() << " bytes";
  if (check.kind == HealthCheckConfig::Kind::http)
    out << " " << check.method << " " << check.host << check.path;
  if (check.http2) out << " over HTTP/2";
  for (const auto& [first, last] : check.expected_statuses) out << " " << first << "-" << last;
  for (const auto& [first, last] : check.retriable_statuses)
    out << " retriable " << first << "-" << last;
  for (const auto& [name, value] : check.request_headers) out << " " << name << ": " << value;
  if (!check.grpc_service.empty() || !check.grpc_authority.empty())
    out << " " << check.grpc_service << "@" << check.grpc_authority;
  out << "\n";
}

void outliers(Out& out, const OutlierDetectionConfig& config) {
  out << "  outliers " << config.consecutive_5xx << " " << config.consecutive_gateway_failure << " "
      << config.consecutive_local_origin_failure << " enforce " << config.enforcing_consecutive_5xx
      << " " << config.enforcing_consecutive_gateway_failure << " "
      << config.enforcing_consecutive_local_origin_failure << " success "
      << config.enforcing_success_rate << " " << config.success_rate_minimum_hosts << " "
      << config.success_rate_request_volume << " " << config.success_rate_stdev_factor
      << " failure " << config.enforcing_failure_percentage << " "
      << config.failure_percentage_threshold << " " << config.failure_percentage_minimum_hosts
      << " " << config.failure_percentage_request_volume << " most " << config.max_ejection_percent
      << "%" << (config.always_eject_one_host ? " one" : "")
      << (config.split_external_local_origin_errors ? " split" : "") << " every "
      << text_of(config.interval) << " for " << text_of(config.base_ejection_time) << ".."
      << text_of(config.max_ejection_time) << "\n";
}

}  // namespace

std::string describe(const filters::HcmConfig& config) {
  constexpr std::string_view kCodecs[] = {"auto", "http1", "http2"};
  std::ostringstream out;
  out << "http_connection_manager stats=" << config.stat_prefix << " "
      << kCodecs[static_cast<int>(config.codec)] << " logs=" << config.access_logs.size() << "\n";
  settings(out, config);
  options(out, "      ", config.common, config.http1, config.http2);
  local_replies(out, config.local_replies);
  for (const auto& entry : config.filters)
    out << "      http filter '" << entry.name << "' " << entry.filter->name() << " says "
        << dynamic_cast<const TestHttpFilter&>(*entry.filter).text
        << (entry.disabled ? " disabled" : "") << "\n";
  if (config.routes) routes(out, config.routes->config());
  std::string text = out.str();
  text.pop_back();
  return text;
}

std::string describe_http(const ClusterConfig& config) {
  constexpr std::string_view kProtocols[] = {"http1", "http2", "downstream"};
  std::ostringstream out;
  std::ostringstream standard;
  std::ostringstream own;
  options(standard, "  ", {}, {}, {});
  options(own, "  ", config.http, config.http1, config.http2);
  if (config.protocol != UpstreamProtocol::http1 || own.str() != standard.str())
    out << "  speaks " << kProtocols[static_cast<int>(config.protocol)] << "\n" << own.str();
  if (config.use_original_dst_header)
    out << "  to where " << config.original_dst_header << " says\n";
  for (const auto& check : config.health_checks) health_check(out, check);
  if (config.outlier_detection) outliers(out, *config.outlier_detection);
  if (config.panic_threshold != 50) out << "  panic below " << config.panic_threshold << "%\n";
  if (config.close_connections_on_health_failure) out << "  closes connections to sick hosts\n";
  if (config.ignore_health_on_removal) out << "  removes healthy hosts\n";
  return out.str();
}

}  // namespace weir::config::testing
