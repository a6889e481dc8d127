// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/config/describe.hpp"

#include <sstream>

#include "proxy/access_log/format.hpp"
#include "proxy/access_log/record_filter.hpp"
#include "tests/unit/config/describe_http.hpp"

namespace weir::config::testing {
namespace {

using access_log::AccessLogConfig;

std::string_view name_of(DiscoveryType type) {
  constexpr std::string_view kNames[] = {"static", "strict_dns", "logical_dns", "original_dst"};
  return kNames[static_cast<int>(type)];
}
std::string_view name_of(LbPolicy policy) {
  constexpr std::string_view kNames[] = {"round_robin", "least_request", "random",
                                         "cluster_provided"};
  return kNames[static_cast<int>(policy)];
}
std::string_view name_of(DnsLookupFamily family) {
  constexpr std::string_view kNames[] = {"auto", "v4_only", "v6_only", "v4_preferred", "all"};
  return kNames[static_cast<int>(family)];
}
std::string_view name_of(SourceType type) {
  constexpr std::string_view kNames[] = {"any", "same_ip_or_loopback", "external"};
  return kNames[static_cast<int>(type)];
}
std::string_view name_of(TrafficDirection direction) {
  constexpr std::string_view kNames[] = {"unspecified", "inbound", "outbound"};
  return kNames[static_cast<int>(direction)];
}

std::string text_of(const PortPredicate& predicate) {
  using Kind = PortPredicate::Kind;
  if (predicate.kind == Kind::any) return "any";
  if (predicate.kind == Kind::port_range)
    return "[" + std::to_string(predicate.start) + "," + std::to_string(predicate.end) + ")";
  std::string text = predicate.kind == Kind::all_of   ? "all("
                     : predicate.kind == Kind::any_of ? "any("
                                                      : "not(";
  for (const PortPredicate& child : predicate.children) text += text_of(child) + " ";
  text.back() = ')';
  return text;
}

std::string text_of(const access_log::RecordFilter& filter) {
  using Kind = access_log::RecordFilter::Kind;
  constexpr std::string_view kKinds[] = {
      "every",        "any flag", "flags ",    "duration ", "status code ", "not health check",
      "grpc status ", "headers",  "fraction ", "all(",      "any("};
  constexpr std::string_view kComparisons[] = {"== ", ">= ", "<= ", "!= "};
  std::string text(kKinds[static_cast<int>(filter.kind)]);
  if (filter.kind == Kind::flags) text += filter.flags.to_string();
  if (filter.kind == Kind::duration || filter.kind == Kind::status_code)
    text += std::string(kComparisons[static_cast<int>(filter.comparison)]) +
            std::to_string(filter.value);
  if (filter.kind == Kind::fraction)
    text += std::to_string(filter.value) + "/" + std::to_string(filter.denominator);
  if (filter.kind == Kind::grpc_status)
    text += (filter.exclude ? "not " : "") + std::to_string(filter.grpc_statuses);
  for (const auto& child : filter.children) text += text_of(child) + ", ";
  if (!filter.children.empty()) text.replace(text.size() - 2, 2, ")");
  return text;
}

void access_logs(std::ostream& out, const std::string& indent,
                 const std::vector<AccessLogConfig>& logs) {
  constexpr std::string_view kSinks[] = {"file", "stdout", "stderr"};
  for (const AccessLogConfig& log : logs) {
    std::string line;
    log.format->render({}, line);
    if (line.ends_with('\n')) line.replace(line.size() - 1, 1, "\\n");
    out << indent << "access log " << kSinks[static_cast<int>(log.sink)] << " " << log.path << ": "
        << line << (log.filter ? " if " + text_of(*log.filter) : "") << "\n";
  }
}

template <class List, class Text>
void list(std::ostream& out, std::string_view name, const List& values, Text text) {
  if (values.empty()) return;
  out << " " << name << "=";
  for (std::size_t i = 0; i < values.size(); ++i) out << (i == 0 ? "" : ",") << text(values[i]);
}

void chain(std::ostream& out, std::string_view kind, const FilterChainConfig& config) {
  const FilterChainMatchConfig& match = config.match;
  const auto range = [](const CidrRange& r) { return r.to_string(); };
  const auto same = [](const auto& value) { return value; };
  out << "  " << kind << " '" << config.name << "'";
  if (match.destination_port) out << " port=" << *match.destination_port;
  list(out, "to", match.prefix_ranges, range);
  list(out, "names", match.server_names, same);
  if (!match.transport_protocol.empty()) out << " transport=" << match.transport_protocol;
  list(out, "protocols", match.application_protocols, same);
  list(out, "direct_from", match.direct_source_prefix_ranges, range);
  if (match.source_type != SourceType::any) out << " source=" << name_of(match.source_type);
  list(out, "from", match.source_prefix_ranges, range);
  list(out, "from_ports", match.source_ports, same);
  out << "\n";
  for (const auto& filter : config.filters) out << "    filter " << filter->to_string() << "\n";
}

void listener(std::ostream& out, const ListenerConfig& config) {
  out << "listener '" << config.name << "' stats " << config.stats_name() << "\n ";
  for (const auto& address : config.addresses)
    out << " " << address.address.to_string() << (address.ipv4_compat ? "+v4" : "");
  out << " " << name_of(config.direction);
  if (config.use_original_dst) out << " use_original_dst";
  if (!config.bind_to_port) out << " unbound";
  if (config.transparent) out << " transparent";
  if (config.freebind) out << " freebind";
  if (!config.reuse_port) out << " no_reuse_port";
  if (config.ignore_global_connection_limit) out << " ignore_global_limit";
  if (config.connection_limit) out << " limit=" << *config.connection_limit;
  if (config.tcp_backlog) out << " backlog=" << *config.tcp_backlog;
  if (config.drain_policy.kind == DrainPolicy::Kind::never) out << " drain=never";
  if (config.drain_policy.kind == DrainPolicy::Kind::within)
    out << " drain=" << config.drain_policy.time.count() << "ms";
  if (!config.drains_on_failed_health_check) out << " modify_only";
  out << " filter_timeout=" << config.listener_filters_timeout.count() << "ms"
      << (config.continue_on_listener_filters_timeout ? ",continue" : "")
      << " buffer=" << config.per_connection_buffer_limit << "\n";
  for (const auto& entry : config.listener_filters)
    out << "  listener filter " << entry.filter->name()
        << (entry.disabled ? " unless " + text_of(*entry.disabled) : "") << "\n";
  for (const auto& option : config.socket_options)
    out << "  socket option " << option.level << "/" << option.name << " " << option.value.size()
        << " bytes, state " << static_cast<int>(option.state) << "\n";
  access_logs(out, "  ", config.access_logs);
  for (const auto& filter_chain : config.filter_chains) chain(out, "chain", filter_chain);
  if (config.default_filter_chain) chain(out, "default chain", *config.default_filter_chain);
}

void limits(std::ostream& out, std::string_view name, const CircuitBreakerConfig& config) {
  if (config == CircuitBreakerConfig{}) return;
  out << "  " << name << " limits: connections " << config.max_connections << ", pending "
      << config.max_pending_requests << ", requests " << config.max_requests << ", retries "
      << config.max_retries;
  if (config.retry_budget_percent)
    out << " or " << *config.retry_budget_percent << "%, at least " << config.retry_budget_min;
  out << "\n";
}

void endpoint(std::ostream& out, const EndpointConfig& config) {
  out << "  endpoint " << config.host << ":" << config.port << " weight " << config.weight;
  if (!config.hostname.empty()) out << " hostname " << config.hostname;
  if (config.priority != 0) out << " priority " << config.priority;
  if (config.locality_weight != 0) out << " locality_weight " << config.locality_weight;
  if (!config.region.empty())
    out << " in " << config.region << "/" << config.zone << "/" << config.sub_zone;
  if (!config.healthy) out << " unhealthy";
  out << "\n";
}

void cluster(std::ostream& out, const ClusterConfig& config) {
  out << "cluster '" << config.name << "' stats " << config.stats_name() << " "
      << name_of(config.discovery) << " " << name_of(config.lb_policy)
      << " connect_timeout=" << config.connect_timeout.count()
      << "ms buffer=" << config.per_connection_buffer_limit << "\n";
  if (config.locality_weighted) out << "  by the weights of localities\n";
  if (config.lb_policy == LbPolicy::least_request)
    out << "  choices " << config.least_request_choices << "\n";
  if (config.discovery == DiscoveryType::strict_dns ||
      config.discovery == DiscoveryType::logical_dns)
    out << "  dns " << name_of(config.dns_lookup_family) << " every "
        << config.dns_refresh_rate.count() << "ms" << (config.respect_dns_ttl ? " or ttl" : "");
  if (config.dns_failure_refresh_rate)
    out << " after failure " << config.dns_failure_refresh_rate->base.count() << ".."
        << config.dns_failure_refresh_rate->most.count() << "ms";
  if (config.discovery == DiscoveryType::strict_dns ||
      config.discovery == DiscoveryType::logical_dns)
    out << "\n";
  if (config.upstream_port_override)
    out << "  port override " << *config.upstream_port_override << "\n";
  if (config.discovery == DiscoveryType::original_dst)
    out << "  cleanup every " << config.cleanup_interval.count() << "ms\n";
  if (config.bind_source)
    out << "  from " << config.bind_source->to_string() << (config.freebind ? " freebind" : "")
        << "\n";
  if (config.keep_alive)
    out << "  keepalive after " << config.keep_alive->idle.count() << "s every "
        << config.keep_alive->interval.count() << "s, " << config.keep_alive->probes << " probes\n";
  limits(out, "default", config.default_limits);
  limits(out, "high", config.high_limits);
  out << describe_http(config);
  for (const EndpointConfig& item : config.endpoints) endpoint(out, item);
}

}  // namespace

std::string describe(const Snapshot& snapshot) {
  std::ostringstream out;
  out << "node '" << snapshot.node.id << "' cluster '" << snapshot.node.cluster << "'\n";
  out << "admin " << (snapshot.admin.address ? snapshot.admin.address->to_string() : "off") << "\n";
  if (snapshot.global_connection_limit)
    out << "connection limit " << *snapshot.global_connection_limit << "\n";
  for (const auto& item : snapshot.listeners) listener(out, *item);
  for (const auto& item : snapshot.clusters) cluster(out, *item);
  return out.str();
}

}  // namespace weir::config::testing
