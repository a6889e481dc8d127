// SPDX-License-Identifier: Apache-2.0
// What is refused, with the exact line, column, path and text.
#include <gtest/gtest.h>

#include "proxy/config/bootstrap.hpp"
#include "tests/unit/config/test_filters.hpp"

namespace weir::config {
namespace {

struct Messages {
  std::string errors;
  std::string warnings;
};

Messages load(const std::string& text, ListenerCheck check = nullptr) {
  BootstrapSource source;
  source.text = text;
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, testing::test_registry(), check, diagnostics);
  EXPECT_EQ(snapshot.has_value(), !diagnostics.has_errors());
  const std::string file = "built-in configuration:";
  Messages out{diagnostics.to_string(Severity::error), diagnostics.to_string(Severity::warning)};
  for (std::string* messages : {&out.errors, &out.warnings})
    for (std::size_t at = messages->find(file); at != std::string::npos; at = messages->find(file))
      messages->erase(at, file.size());
  return out;
}

/// The listener that most cases change: `tail` is appended to it at its indentation.
std::string listener(const std::string& tail,
                     const std::string& address = "{ address: 198.51.100.1, port_value: 80 }") {
  return "static_resources:\n  listeners:\n  - name: l\n    address: { socket_address: " + address +
         " }\n" + tail;
}

std::string cluster(const std::string& tail) {
  return "static_resources:\n  clusters:\n  - name: c\n" + tail;
}

std::string tcp_proxy(const std::string& fields) {
  return listener(
      "    filter_chains:\n    - filters:\n      - name: f\n        typed_config:\n"
      "          \"@type\": "
      "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\n" +
      fields);
}

std::string access_log(const std::string& type, const std::string& fields) {
  return listener(
      "    filter_chains: [ {} ]\n    access_log:\n    - name: log\n      typed_config:\n"
      "        \"@type\": type.googleapis.com/" +
      type + "\n" + fields);
}

struct Case {
  const char* name;
  std::string text;
  std::string errors;
};
void PrintTo(const Case& item, std::ostream* out) { *out << item.name; }

class Reject : public ::testing::TestWithParam<Case> {};

TEST_P(Reject, SaysWhatAndWhere) { EXPECT_EQ(load(GetParam().text).errors, GetParam().errors); }

const std::string kListener = "static_resources.listeners[0]";
const std::string kCluster = "static_resources.clusters[0]";
const std::string kFilter = kListener + ".filter_chains[0].filters[0]";
const std::string kChains = "    filter_chains: [ {} ]\n";
const std::string kFile = "envoy.extensions.access_loggers.file.v3.FileAccessLog";

std::vector<Case> document_cases() {
  return {
      {"Empty", "# nothing\n", " empty: expected an object with fields like 'static_resources'"},
      {"Syntax", "a: b\n c: d\n", "2:3: not valid YAML or JSON: illegal map value"},
      {"NotAnObject", "[1]",
       "1:1: expected an object with the fields of envoy.config.bootstrap.v3.Bootstrap, got a "
       "list"},
      {"TypingError", listener("    filter_chainz: []\n" + kChains),
       "5:5: " + kListener +
           ".filter_chainz: unknown field 'filter_chainz' of envoy.config.listener.v3.Listener; "
           "did "
           "you mean 'filter_chains'?"},
      {"NothingLikeIt", "whatsoever: 1\n",
       "1:1: whatsoever: unknown field 'whatsoever' of envoy.config.bootstrap.v3.Bootstrap"},
      {"NotSupportedYet", "dynamicResources: {}\n",
       "1:1: dynamicResources: field 'dynamic_resources' of envoy.config.bootstrap.v3.Bootstrap is "
       "not supported by "
       "this version of weir-proxy"},
      {"NotADuration", cluster("    connect_timeout: 5\n"),
       "4:22: " + kCluster +
           ".connect_timeout: '5' is not a duration; write seconds with an 's', like '0.25s'"},
      {"NotANumber", listener("    tcp_backlog_size: many\n" + kChains),
       "5:23: " + kListener + ".tcp_backlog_size: 'many': expected a number"},
      {"OutOfRange", listener("    tcp_backlog_size: 4294967296\n" + kChains),
       "5:23: " + kListener + ".tcp_backlog_size: '4294967296': out of range"},
      {"Negative", listener("    tcp_backlog_size: -1\n" + kChains),
       "5:23: " + kListener + ".tcp_backlog_size: '-1': out of range"},
      {"NotABool", listener("    bind_to_port: maybe\n" + kChains),
       "5:19: " + kListener + ".bind_to_port: 'maybe': expected true or false"},
      {"ObjectForScalar", listener("    stat_prefix: {a: b}\n" + kChains),
       "5:18: " + kListener + ".stat_prefix: expected text, got an object"},
      {"ScalarForObject", listener("    default_filter_chain: x\n"),
       "5:27: " + kListener +
           ".default_filter_chain: expected an object with the fields of "
           "envoy.config.listener.v3.FilterChain, got a single value"},
      {"ListForObject", listener("    default_filter_chain: []\n"),
       "5:27: " + kListener +
           ".default_filter_chain: expected an object with the fields of "
           "envoy.config.listener.v3.FilterChain, got a list"},
      {"Base64",
       listener("    socket_options: [ { level: 1, name: 2, buf_value: \"?\" } ]\n" + kChains),
       "5:55: " + kListener + ".socket_options[0].buf_value: '?': expected base64"},
      {"EnumNotSupported", cluster("    type: EDS\n"),
       "4:11: " + kCluster +
           ".type: value 'EDS' of envoy.config.cluster.v3.Cluster.DiscoveryType is not supported "
           "by "
           "this version of weir-proxy"},
      {"OneOf",
       tcp_proxy(
           "          stat_prefix: s\n          cluster: a\n          weighted_clusters: {}\n"),
       "12:11: " + kFilter +
           ".typed_config.weighted_clusters: 'weighted_clusters' and 'cluster' exclude each other"},
      {"AnyWithoutType",
       listener(
           "    filter_chains: [ { filters: [ { name: f, typed_config: { cluster: a } } ] } ]\n"),
       "5:60: " + kFilter + ".typed_config: has no '@type'; name the type of this configuration"},
      {"TypeWithoutSlash",
       listener("    filter_chains: [ { filters: [ { name: f, typed_config: { \"@type\": Thing } } "
                "] } ]\n"),
       "5:71: " + kFilter +
           ".typed_config: type URL 'Thing': expected 'type.googleapis.com/' and a message type"},
      {"AllErrorsAtOnce",
       "a: 1\nstatic_resources: { listeners: [ { nam: x, bind_to_port: 7 } ] }\n",
       "1:1: a: unknown field 'a' of envoy.config.bootstrap.v3.Bootstrap\n"
       "2:36: " +
           kListener +
           ".nam: unknown field 'nam' of envoy.config.listener.v3.Listener; did you mean 'name'?\n"
           "2:58: " +
           kListener + ".bind_to_port: '7': expected true or false"},
  };
}

std::vector<Case> listener_cases() {
  return {
      {"Port", listener(kChains, "{ address: 198.51.100.1, port_value: 65536 }"),
       "4:57: " + kListener +
           ".address.socket_address.port_value: port '65536': must be at most 65535"},
      {"NoPort", listener(kChains, "{ address: 198.51.100.1 }"),
       "4:16: " + kListener + ".address.socket_address: has no port_value"},
      {"NotAnAddress", listener(kChains, "{ address: localhost, port_value: 1 }"),
       "4:34: " + kListener +
           ".address.socket_address.address: ip address 'localhost': not an IPv4 or IPv6 address"},
      {"NoAddress", "static_resources:\n  listeners:\n  - name: l\n    filter_chains: [ {} ]\n",
       "3:5: " + kListener + ": error adding listener named 'l': address is necessary"},
      {"Pipe", "static_resources: { listeners: [ { name: l, address: { pipe: { path: /x } } } ] }",
       "1:56: " + kListener +
           ".address.pipe: field 'pipe' of envoy.config.core.v3.Address is not supported by this "
           "version of weir-proxy"},
      {"NoChains", listener(""),
       "3:5: " + kListener + ": error adding listener 'l': no filter chains specified"},
      {"Ipv4Compat", listener(kChains, "{ address: \"::1\", port_value: 80, ipv4_compat: true }"),
       "4:66: " + kListener +
           ".address.socket_address.ipv4_compat: ipv4_compat with address '::1': only '::' and "
           "IPv4-mapped addresses can have it"},
      {"TwiceInOne",
       listener(
           "    additional_addresses:\n    - address: { socket_address: { address: 198.51.100.1, "
           "port_value: 80 } }\n" +
           kChains),
       "6:7: " + kListener +
           ".additional_addresses[0].address: address '198.51.100.1:80': listed twice"},
      {"DuplicateAddress",
       listener(kChains +
                "  - name: m\n    bind_to_port: false\n    address: { socket_address: { address: "
                "198.51.100.1, port_value: 80 } }\n    additional_addresses: [ { address: { "
                "socket_address: { address: "
                "\"::1\", port_value: 80 } } } ]\n" +
                kChains),
       "6:5: static_resources.listeners[1]: error adding listener: 'm' has duplicate address "
       "'198.51.100.1:80,[::1]:80' "
       "as existing listener"},
      {"DuplicateName",
       listener(kChains +
                "  - name: l\n    address: { socket_address: { address: 198.51.100.2, port_value: "
                "80 } }\n" +
                kChains),
       "6:5: static_resources.listeners[1]: error adding listener: name 'l' is used by an earlier "
       "listener"},
      {"SocketOption", listener("    socket_options: [ { level: 1, name: 2 } ]\n" + kChains),
       "5:23: " + kListener + ".socket_options[0]: has no value: expected int_value or buf_value"},
      {"NegativeTimeout", listener("    listener_filters_timeout: -1s\n" + kChains),
       "5:5: " + kListener + ".listener_filters_timeout: duration is negative"},
      {"UnknownListenerFilter",
       listener("    listener_filters: [ { name: envoy.filters.listener.proxy_protocol } ]\n" +
                kChains),
       "5:25: " + kListener +
           ".listener_filters[0]: Didn't find a registered implementation for "
           "'envoy.filters.listener.proxy_protocol' with type URL: ''; known: "
           "envoy.filters.listener.original_dst, "
           "envoy.filters.listener.tls_inspector"},
      {"EmptyPortRange",
       listener("    listener_filters:\n    - name: envoy.filters.listener.tls_inspector\n      "
                "filter_disabled: { "
                "destination_port_range: { start: 80, end: 80 } }\n" +
                kChains),
       "7:26: " + kListener +
           ".listener_filters[0].filter_disabled.destination_port_range: port range [80, 80): must "
           "hold at least one port of 0 to 65535; the end is not part of it"},
      {"EmptyPredicate",
       listener("    listener_filters:\n    - name: envoy.filters.listener.tls_inspector\n      "
                "filter_disabled: {}\n" +
                kChains),
       "7:7: " + kListener +
           ".listener_filters[0].filter_disabled: has no rule: expected or_match, and_match, "
           "not_match, any_match or destination_port_range"},
  };
}

std::string match(const std::string& fields) {
  return listener("    filter_chains:\n    - filter_chain_match: { " + fields + " }\n");
}
const std::string kMatch = kListener + ".filter_chains[0].filter_chain_match";

std::vector<Case> chain_cases() {
  return {
      {"PartialWildcard", match("server_names: [ a.example.com, \"*a.example.com\" ]"),
       "6:60: " + kMatch +
           ".server_names[1]: server name '*a.example.com': partial wildcards are not supported in "
           "\"server_names\""},
      {"LoneWildcard", match("server_names: [ \"*\" ]"),
       "6:45: " + kMatch +
           ".server_names[0]: server name '*': partial wildcards are not supported in "
           "\"server_names\""},
      {"MatchPortZero", match("destination_port: 0"),
       "6:29: " + kMatch + ".destination_port: port '0': must be at least 1"},
      {"SourcePort", match("source_ports: [ 1, 70000 ]"),
       "6:48: " + kMatch + ".source_ports[1]: port '70000': must be at most 65535"},
      {"PrefixLength", match("prefix_ranges: [ { address_prefix: 198.51.100.0, prefix_len: 33 } ]"),
       "6:78: " + kMatch +
           ".prefix_ranges[0].prefix_len: prefix length '33': must be at most 32 for 198.51.100.0"},
      {"Prefix", match("source_prefix_ranges: [ { address_prefix: net, prefix_len: 1 } ]"),
       "6:55: " + kMatch +
           ".source_prefix_ranges[0].address_prefix: ip address 'net': not an IPv4 or IPv6 "
           "address"},
      {"UnknownFilter",
       listener("    filter_chains:\n    - filters:\n      - name: "
                "envoy.filters.network.http_connection_manager\n"
                "        typed_config:\n          \"@type\": "
                "type.googleapis.com/envoy.extensions.filters.network."
                "http_connection_manager.v3.HttpConnectionManager\n          stat_prefix: x\n"),
       "7:9: " + kFilter +
           ": Didn't find a registered implementation for "
           "'envoy.filters.network.http_connection_manager' with type URL: "
           "'type.googleapis.com/envoy.extensions.filters."
           "network.http_connection_manager.v3.HttpConnectionManager'; known: "
           "envoy.filters.network.tcp_proxy"},
      {"NotTheLast",
       listener("    filter_chains:\n    - filters:\n      - &f\n        name: f\n        "
                "typed_config:\n"
                "          \"@type\": "
                "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\n"
                "          stat_prefix: s\n          cluster: a\n      - *f\n"),
       "7:9: " + kFilter + ": filter 'f': a terminal filter must be the last of its chain"},
      {"TransportSocket", listener("    filter_chains: [ { transport_socket: {} } ]\n"),
       "5:24: " + kListener +
           ".filter_chains[0].transport_socket: field 'transport_socket' of "
           "envoy.config.listener.v3.FilterChain is not supported by this version of weir-proxy"},
      {"TcpProxyEmpty", tcp_proxy(""),
       "8:9: " + kFilter +
           ".typed_config: has no stat_prefix\n"
           "8:9: " +
           kFilter + ".typed_config: names no cluster: expected cluster or weighted_clusters"},
      {"TcpProxyWeights",
       tcp_proxy("          stat_prefix: s\n          weighted_clusters: { clusters: [ { name: a, "
                 "weight: 0 }, { weight: "
                 "4294967295 }, { name: b, weight: 1 } ] }\n"),
       "11:44: " + kFilter +
           ".typed_config.weighted_clusters.clusters[0]: weight of 'a': must be greater than or "
           "equal "
           "to 1\n"
           "11:68: " +
           kFilter +
           ".typed_config.weighted_clusters.clusters[1]: has no name\n"
           "11:11: " +
           kFilter + ".typed_config.weighted_clusters: the weights add up to more than 4294967295"},
      {"TcpProxyNoWeights",
       tcp_proxy("          stat_prefix: s\n          weighted_clusters: {}\n"),
       "11:11: " + kFilter + ".typed_config.weighted_clusters: must contain at least 1 cluster"},
      {"TcpProxyAttempts",
       tcp_proxy(
           "          stat_prefix: s\n          cluster: a\n          max_connect_attempts: 0\n"),
       "12:11: " + kFilter +
           ".typed_config.max_connect_attempts: must be greater than or equal to 1"},
      {"TcpProxyDuration",
       tcp_proxy("          stat_prefix: s\n          cluster: a\n          "
                 "max_downstream_connection_duration: 0s\n"),
       "12:11: " + kFilter +
           ".typed_config.max_downstream_connection_duration: must be greater than or equal to "
           "0.001s"},
  };
}

std::vector<Case> cluster_cases() {
  const std::string endpoint =
      "    load_assignment: { endpoints: [ { lb_endpoints: [ { endpoint: { address: { "
      "socket_address: { address: web.example.com, port_value: 80 } } } } ] } ] }\n";
  const std::string lb = kCluster + ".load_assignment.endpoints[0].lb_endpoints[0]";
  return {
      {"NoName", "static_resources: { clusters: [ {} ] }",
       "1:33: " + kCluster + ": cluster has no name"},
      {"DuplicateCluster", cluster("  - name: c\n"),
       "4:5: static_resources.clusters[1]: cluster manager: duplicate cluster 'c'"},
      {"ConnectTimeout", cluster("    connect_timeout: 0s\n"),
       "4:5: " + kCluster + ".connect_timeout: must be greater than 0s"},
      {"StaticHostname", cluster(endpoint),
       "4:98: " + lb +
           ".endpoint.address.socket_address.address: malformed IP address: web.example.com. "
           "Consider "
           "setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'"},
      {"NoEndpoint", cluster("    load_assignment: { endpoints: [ { lb_endpoints: [ {} ] } ] }\n"),
       "4:55: " + lb + ".endpoint.address: has no socket_address"},
      {"WeightZero",
       cluster("    load_assignment: { endpoints: [ { lb_endpoints: [ { load_balancing_weight: 0, "
               "endpoint: { address: { "
               "socket_address: { address: 198.51.100.1, port_value: 80 } } } } ] } ] }\n"),
       "4:57: " + lb + ".load_balancing_weight: must be greater than or equal to 1"},
      {"Priority", cluster("    load_assignment: { endpoints: [ { priority: 129 } ] }\n"),
       "4:39: " + kCluster +
           ".load_assignment.endpoints[0].priority: priority '129': must be at most 128"},
      {"OriginalDstPolicy", cluster("    type: ORIGINAL_DST\n"),
       "3:5: " + kCluster +
           ".lb_policy: cluster: LB policy ROUND_ROBIN is not valid for Cluster type ORIGINAL_DST. "
           "Only "
           "'CLUSTER_PROVIDED' is allowed with cluster type 'ORIGINAL_DST'"},
      {"OriginalDstEndpoints",
       cluster(
           "    type: ORIGINAL_DST\n    lb_policy: CLUSTER_PROVIDED\n    load_assignment: {}\n"),
       "6:5: " + kCluster +
           ".load_assignment: ORIGINAL_DST clusters must have no load assignment configured"},
      {"OriginalDstHeader",
       cluster("    type: ORIGINAL_DST\n    lb_policy: CLUSTER_PROVIDED\n    "
               "original_dst_lb_config: { http_header_name: "
               "x-dst }\n"),
       "6:31: " + kCluster +
           ".original_dst_lb_config.http_header_name: ORIGINAL_DST cluster: invalid config "
           "http_header_name=x-dst and use_http_header is false. Set use_http_header to true if "
           "http_header_name is "
           "desired."},
      {"OriginalDstConfig", cluster("    original_dst_lb_config: {}\n"),
       "4:5: " + kCluster +
           ".original_dst_lb_config: cluster: cluster type STATIC may not be used with "
           "original_dst_lb_config"},
      {"PortOverride",
       cluster(
           "    type: ORIGINAL_DST\n    lb_policy: CLUSTER_PROVIDED\n    original_dst_lb_config: { "
           "upstream_port_override: 70000 }\n"),
       "6:31: " + kCluster +
           ".original_dst_lb_config.upstream_port_override: port '70000': must be at most 65535"},
      {"Provided", cluster("    lb_policy: CLUSTER_PROVIDED\n"),
       "4:5: " + kCluster +
           ".lb_policy: cluster: LB policy CLUSTER_PROVIDED cannot be combined with cluster type "
           "STATIC"},
      {"LogicalDns", cluster("    type: LOGICAL_DNS\n"),
       "3:5: " + kCluster +
           ": LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single "
           "lb_endpoint"},
      {"Choices",
       cluster("    lb_policy: LEAST_REQUEST\n    least_request_lb_config: { choice_count: 1 }\n"),
       "5:32: " + kCluster +
           ".least_request_lb_config.choice_count: must be greater than or equal to 2"},
      {"RefreshRate", cluster("    dns_refresh_rate: 0s\n"),
       "4:5: " + kCluster + ".dns_refresh_rate: must be greater than 0s"},
      {"FailureRate",
       cluster("    dns_failure_refresh_rate: { base_interval: 5s, max_interval: 1s }\n"),
       "4:5: " + kCluster +
           ".dns_failure_refresh_rate: max_interval must be greater than or equal to the "
           "base_interval"},
      {"BindSource",
       cluster("    upstream_bind_config: { source_address: { address: lo, port_value: 0 } }\n"),
       "4:47: " + kCluster +
           ".upstream_bind_config.source_address.address: ip address 'lo': not an IPv4 or IPv6 "
           "address"},
      {"KeepAlive",
       cluster("    upstream_connection_options: { tcp_keepalive: { keepalive_probes: 128, "
               "keepalive_time: 40000 } }\n"),
       "4:76: " + kCluster +
           ".upstream_connection_options.tcp_keepalive.keepalive_time: '40000': must be at most "
           "32767\n"
           "4:53: " +
           kCluster +
           ".upstream_connection_options.tcp_keepalive.keepalive_probes: '128': must be at most "
           "127"},
      {"NoSuchLogger",
       access_log("envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", ""),
       "7:7: " + kListener +
           ".access_log[0]: Didn't find a registered implementation for 'log' with type URL: "
           "'type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig'; "
           "known: "
           "envoy.access_loggers.file, envoy.access_loggers.stdout, envoy.access_loggers.stderr"},
      {"LogWithoutPath", access_log(kFile, ""),
       "8:7: " + kListener + ".access_log[0].typed_config: has no path"},
      {"LogFilter", listener(kChains + "    access_log: [ { name: a, filter: {} } ]\n"),
       "6:30: " + kListener +
           ".access_log[0].filter: field 'filter' of envoy.config.accesslog.v3.AccessLog is not "
           "supported by this version of weir-proxy"},
      {"LogWithoutFormat", access_log(kFile, "        path: /x\n        log_format: {}\n"),
       "11:9: " + kListener +
           ".access_log[0].typed_config.log_format: has no format: expected text_format, "
           "text_format_source or json_format"},
      {"LogSourceFile",
       access_log(kFile,
                  "        path: /x\n        log_format: { text_format_source: { filename: "
                  "/dev/null } }\n"),
       "11:45: " + kListener +
           ".access_log[0].typed_config.log_format.text_format_source.filename: file '/dev/null': "
           "not a regular file"},
      {"LogSourceVariable",
       access_log(
           kFile,
           "        path: /x\n        log_format: { text_format_source: { environment_variable: "
           "WEIR_NOT_SET } }\n"),
       "11:45: " + kListener +
           ".access_log[0].typed_config.log_format.text_format_source.environment_variable: "
           "environment variable 'WEIR_NOT_SET': not set"},
      {"RuntimeLimit",
       "layered_runtime: { layers: [ { name: a, static_layer: { "
       "overload.global_downstream_max_connections: lots } } ] }",
       "1:41: layered_runtime.layers[0].static_layer: runtime key "
       "'overload.global_downstream_max_connections': expected "
       "a whole number"},
      {"AdminAddress", "admin: { address: { socket_address: { address: here, port_value: 1 } } }",
       "1:39: admin.address.socket_address.address: ip address 'here': not an IPv4 or IPv6 "
       "address"},
  };
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Document, Reject, ::testing::ValuesIn(document_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Listener, Reject, ::testing::ValuesIn(listener_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Chain, Reject, ::testing::ValuesIn(chain_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Cluster, Reject, ::testing::ValuesIn(cluster_cases()), case_name);

TEST(Reject, LogFormatNamesItsPlace) {
  const std::string errors =
      load(access_log(kFile, "        path: /x\n        format: \"%NO_SUCH%\"\n")).errors;
  EXPECT_EQ(errors.find("11:9: " + kListener + ".access_log[0].typed_config.format: "), 0u)
      << errors;
  EXPECT_NE(errors.find("NO_SUCH"), std::string::npos) << errors;
}

TEST(Reject, ListenerCheckIsAsked) {
  const auto check = [](const ListenerConfig&) -> Result<void> { return Error{"chains overlap"}; };
  EXPECT_EQ(load(listener(kChains), check).errors, "3:5: " + kListener + ": chains overlap");
}

TEST(Accept, ListenersOnPortZeroMayShareIt) {
  const std::string address = "{ address: 198.51.100.1, port_value: 0 }";
  const std::string second = "  - name: m\n    address: { socket_address: " + address + " }\n";
  EXPECT_EQ(load(listener(kChains + second + kChains, address)).errors, "");
}

TEST(Accept, AWildcardOfEachFamily) {
  EXPECT_EQ(
      load(listener(
               kChains +
                   "  - name: m\n    address: { socket_address: { address: \"::\", port_value: 80, "
                   "ipv4_compat: true } }\n" +
                   kChains,
               "{ address: 0.0.0.0, port_value: 80 }"))
          .errors,
      "");
}

TEST(Accept, AClusterThatDoesNotExistIsAWarning) {
  const Messages got = load(tcp_proxy("          stat_prefix: s\n          cluster: missing\n"));
  EXPECT_EQ(got.errors, "");
  EXPECT_EQ(
      got.warnings,
      "6:7: " + kListener +
          ".filter_chains[0]: listener 'l', filter chain '': cluster 'missing' does not exist; "
          "connections for it will be closed (NC)");
}

TEST(Accept, AFilterWithoutConfigurationIsAWarning) {
  const Messages got = load(listener(
      "    listener_filters: [ { name: envoy.filters.listener.tls_inspector } ]\n" + kChains));
  EXPECT_EQ(got.errors, "");
  EXPECT_EQ(got.warnings,
            "5:25: " + kListener +
                ".listener_filters[0]: filter 'envoy.filters.listener.tls_inspector' has no "
                "typed_config: its defaults are used");
}

TEST(Accept, LookupFamilyOfAStaticClusterIsIgnored) {
  const Messages got = load(cluster("    dns_lookup_family: V4_ONLY\n"));
  EXPECT_EQ(got.errors + got.warnings, "");
}

}  // namespace
}  // namespace weir::config
