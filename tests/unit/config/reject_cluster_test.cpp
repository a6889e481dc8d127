// SPDX-License-Identifier: Apache-2.0
// Clusters, access logs and the rest that is refused, with line, column, path and reason.
#include "tests/unit/config/config_text.hpp"

namespace weir::config::testing {
namespace {

std::string filtered_log(const std::string& filter) {
  return access_log(kFile, "        path: /x\n      filter: " + filter + "\n");
}

std::vector<RejectCase> cluster_cases() {
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
       "6:19: " + kListener +
           ".access_log[0]: Didn't find a registered implementation for 'a' with type URL: ''; "
           "known: envoy.access_loggers.file, envoy.access_loggers.stdout, "
           "envoy.access_loggers.stderr"},
      {"LogFilterEmpty", filtered_log("{}"),
       "11:7: " + kListener +
           ".access_log[0].filter: names no filter: expected response_flag_filter, "
           "duration_filter, status_code_filter, header_filter, grpc_status_filter, "
           "runtime_filter, not_health_check_filter, and_filter or or_filter"},
      {"LogFilterUnsupported", filtered_log("{ traceable_filter: {} }"),
       "11:17: " + kListener +
           ".access_log[0].filter.traceable_filter: field 'traceable_filter' of "
           "envoy.config.accesslog.v3.AccessLogFilter is not supported by this version of "
           "weir-proxy"},
      {"LogFilterFractionOfNothing", filtered_log("{ runtime_filter: { runtime_key: a } }"),
       "11:17: " + kListener + ".access_log[0].filter.runtime_filter: has no percent_sampled"},
      {"LogFilterWithoutHeader", filtered_log("{ header_filter: {} }"),
       "11:17: " + kListener + ".access_log[0].filter.header_filter: has no header"},
      {"LogFilterFlag", filtered_log("{ response_flag_filter: { flags: [ NR, XX ] } }"),
       "11:54: " + kListener +
           ".access_log[0].filter.response_flag_filter.flags[1]: response flag 'XX': not one of "
           "Envoy's"},
      {"LogFilterOfOne",
       filtered_log("{ and_filter: { filters: [ { response_flag_filter: {} } ] } }"),
       "11:17: " + kListener + ".access_log[0].filter.and_filter: must contain at least 2 filters"},
      {"LogFilterWithoutComparison", filtered_log("{ duration_filter: {} }"),
       "11:17: " + kListener + ".access_log[0].filter.duration_filter: has no comparison"},
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

INSTANTIATE_TEST_SUITE_P(Cluster, Reject, ::testing::ValuesIn(cluster_cases()), case_name);

}  // namespace
}  // namespace weir::config::testing
