// SPDX-License-Identifier: Apache-2.0
// Connection managers, and what clusters say of HTTP and health, that are refused, with line,
// column, path and reason.
#include "tests/unit/config/config_text.hpp"

namespace weir::config::testing {
namespace {

const std::string kRouter = "[ { name: envoy.filters.http.router } ]";

std::string replaced(const std::string& what, const std::string& by) {
  std::string text = hcm("");
  return text.replace(text.find(what), what.size(), by);
}

std::vector<RejectCase> http_cases() {
  return {
      {"NoStatPrefix", replaced("stat_prefix: s", "stat_prefix:"),
       "8:9: " + kHcm + ": has no stat_prefix"},
      {"Rds", replaced("route_config: {}", "rds: { config_source: { ads: {} } }"),
       "12:11: " + kHcm + ".rds: has no route_config_name"},
      {"RdsFromNowhere", replaced("route_config: {}", "rds: { route_config_name: r }"),
       "12:11: " + kHcm +
           ".rds.config_source: names no source: expected a path, an api_config_source or ads"},
      {"NoRoutes", replaced("route_config: {}", ""),
       "8:9: " + kHcm + ": has no routes: expected route_config or rds"},
      {"NoFilters", hcm("", "[]"),
       "8:9: " + kHcm + ": has no http_filters: the last one must be envoy.filters.http.router"},
      {"NoRouter",
       hcm("",
           "[ { name: a, typed_config: { \"@type\": "
           "type.googleapis.com/envoy.config.route.v3.Decorator } } ]"),
       "11:27: " + kHcm +
           ".http_filters[0]: non-terminal filter named a of type envoy.filters.http.test is the "
           "last filter in a http filter chain."},
      {"RouterFirst",
       hcm("",
           "[ { name: envoy.filters.http.router }, { name: a, typed_config: { \"@type\": "
           "type.googleapis.com/envoy.config.route.v3.Decorator } } ]"),
       "11:27: " + kHcm +
           ".http_filters[0]: terminal filter named envoy.filters.http.router of type "
           "envoy.filters.http.router must be the last filter in a http filter chain.\n11:64: " +
           kHcm +
           ".http_filters[1]: non-terminal filter named a of type envoy.filters.http.test is the "
           "last filter in a http filter chain."},
      {"RouterTwice",
       hcm("", "[ { name: envoy.filters.http.router }, { name: envoy.filters.http.router } ]"),
       "11:27: " + kHcm +
           ".http_filters[0]: terminal filter named envoy.filters.http.router of type "
           "envoy.filters.http.router must be the last filter in a http filter chain."},
      {"RouterDisabled", hcm("", "[ { name: envoy.filters.http.router, disabled: true } ]"),
       "11:62: " + kHcm +
           ".http_filters[0].disabled: the last (terminal) filter (envoy.filters.http.router) in "
           "the chain cannot be disabled by default."},
      {"FilterUnknown",
       hcm("",
           "[ { name: a, typed_config: { \"@type\": type.googleapis.com/envoy.Nope } }, { name: "
           "envoy.filters.http.router } ]"),
       "11:27: " + kHcm +
           ".http_filters[0]: Didn't find a registered implementation for 'a' with type URL: "
           "'type.googleapis.com/envoy.Nope'; known: envoy.filters.http.test"},
      {"FilterUntyped", hcm("", "[ { name: a }, { name: envoy.filters.http.router } ]"),
       "11:27: " + kHcm +
           ".http_filters[0]: Didn't find a registered implementation for 'a' with type URL: ''; "
           "known: envoy.filters.http.test"},
      {"FilterWrong",
       hcm("",
           "[ { name: a, typed_config: { \"@type\": "
           "type.googleapis.com/envoy.config.route.v3.Decorator, operation: wrong } }, { name: "
           "envoy.filters.http.router } ]"),
       "11:116: " + kHcm + ".http_filters[0].typed_config.operation: is wrong"},
      {"FilterDiscovery",
       hcm("",
           "[ { name: a, config_discovery: { type_urls: [] } }, { name: envoy.filters.http.router "
           "} ]"),
       "11:38: " + kHcm +
           ".http_filters[0].config_discovery: field 'config_discovery' of "
           "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter is not "
           "supported by this version of weir-proxy"},
      {"RouterFields",
       hcm("",
           "[ { name: a, typed_config: { \"@type\": "
           "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router, "
           "strict_check_headers: [] } } ]"),
       "11:131: " + kHcm +
           ".http_filters[0].typed_config.strict_check_headers: field 'strict_check_headers' of "
           "envoy.extensions.filters.http.router.v3.Router is not supported by this version of "
           "weir-proxy"},
      {"Codec", hcm("          codec_type: HTTP3\n"),
       "13:23: " + kHcm +
           ".codec_type: value 'HTTP3' of "
           "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager."
           "CodecType is not supported by this version of weir-proxy"},
      {"HeaderSize", hcm("          max_request_headers_kb: 8193\n"),
       "13:11: " + kHcm + ".max_request_headers_kb: '8193': must be 1 to 8192"},
      {"Ports",
       hcm("          strip_any_host_port: true\n          strip_matching_host_port: true\n"),
       "8:9: " + kHcm +
           ": Only one of `strip_matching_host_port` or `strip_any_host_port` can be set."},
      {"ServerName", hcm("          server_name: \"a\\nb\"\n"),
       "13:11: " + kHcm + ".server_name: holds a line break or a zero byte"},
      {"UpgradeTwice",
       hcm("          upgrade_configs: [ { upgrade_type: websocket }, { upgrade_type: WebSocket } "
           "]\n"),
       "13:59: " + kHcm +
           ".upgrade_configs[1]: multiple upgrade configs with the same name: 'WebSocket'"},
      {"UpgradeFilters",
       hcm("          upgrade_configs: [ { upgrade_type: websocket, filters: [] } ]\n"),
       "13:57: " + kHcm +
           ".upgrade_configs[0].filters: field 'filters' of "
           "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager."
           "UpgradeConfig is not supported by this version of weir-proxy"},
      {"RequestId",
       hcm("          request_id_extension: { typed_config: { \"@type\": "
           "type.googleapis.com/envoy.Nope } }\n"),
       "13:11: " + kHcm +
           ".request_id_extension: Didn't find a registered implementation for "
           "'request_id_extension' with type URL: 'type.googleapis.com/envoy.Nope'; known: "
           "envoy.request_id.uuid"},
      {"InternalAddresses",
       hcm("          internal_address_config: { cidr_ranges: [ { address_prefix: x } ] }\n"),
       "13:55: " + kHcm +
           ".internal_address_config.cidr_ranges[0].address_prefix: ip address 'x': not an IPv4 or "
           "IPv6 address"},
      {"ClientAddress", hcm("          original_ip_detection_extensions: []\n"),
       "13:11: " + kHcm +
           ".original_ip_detection_extensions: field 'original_ip_detection_extensions' of "
           "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager is "
           "not supported by this version of weir-proxy"},
      {"MapperFilter", hcm("          local_reply_config: { mappers: [ { status_code: 500 } ] }\n"),
       "13:44: " + kHcm + ".local_reply_config.mappers[0]: has no filter"},
      {"MapperStatus",
       hcm("          local_reply_config: { mappers: [ { filter: { response_flag_filter: {} }, "
           "status_code: 600 } ] }\n"),
       "13:84: " + kHcm +
           ".local_reply_config.mappers[0].status_code: status '600': must be 200 to 599"},
      {"MapperFormat", hcm("          local_reply_config: { body_format: {} }\n"),
       "13:33: " + kHcm +
           ".local_reply_config.body_format: has no format: expected text_format, "
           "text_format_source or json_format"},
      {"MapperHeader",
       hcm("          local_reply_config: { mappers: [ { filter: { response_flag_filter: {} }, "
           "headers_to_add: [ { header: { key: \":status\", value: x } } ] } ] }\n"),
       "13:102: " + kHcm +
           ".local_reply_config.mappers[0].headers_to_add[0]: :-prefixed or host headers may not "
           "be modified"},
      {"Streams", hcm("          http2_protocol_options: { max_concurrent_streams: 0 }\n"),
       "13:37: " + kHcm +
           ".http2_protocol_options.max_concurrent_streams: '0': must be 1 to 2147483647"},
      {"Window", hcm("          http2_protocol_options: { initial_stream_window_size: 65534 }\n"),
       "13:37: " + kHcm +
           ".http2_protocol_options.initial_stream_window_size: '65534': must be 65535 to "
           "2147483647"},
      {"OutboundFrames", hcm("          http2_protocol_options: { max_outbound_frames: 0 }\n"),
       "13:37: " + kHcm +
           ".http2_protocol_options.max_outbound_frames: '0': must be greater than or equal to 1"},
      {"Ping",
       hcm("          http2_protocol_options: { connection_keepalive: { interval: 0s } }\n"),
       "13:37: " + kHcm + ".http2_protocol_options.connection_keepalive: has no timeout\n13:61: " +
           kHcm + ".http2_protocol_options.connection_keepalive.interval: must be greater than 0s"},
      {"HeaderCount", hcm("          common_http_protocol_options: { max_headers_count: 0 }\n"),
       "13:43: " + kHcm +
           ".common_http_protocol_options.max_headers_count: '0': must be greater than or equal to "
           "1"},
      {"HeaderCase", hcm("          http_protocol_options: { header_key_format: {} }\n"),
       "13:36: " + kHcm +
           ".http_protocol_options.header_key_format: has no format: expected proper_case_words"},
      {"PreserveCase",
       hcm("          http_protocol_options: { header_key_format: { stateful_formatter: { name: "
           "preserve_case } } }\n"),
       "13:57: " + kHcm +
           ".http_protocol_options.header_key_format.stateful_formatter: field "
           "'stateful_formatter' of envoy.config.core.v3.Http1ProtocolOptions.HeaderKeyFormat is "
           "not supported by this version of weir-proxy"},
      {"DuplicateDomain",
       hcm("", kRouter,
           "{ name: r, virtual_hosts: [ { name: a, domains: [ x.com ] }, { name: b, domains: [ "
           "X.com ] } ] }"),
       "12:11: " + kHcm +
           ".route_config: Only unique values for domains are permitted. Duplicate entry of domain "
           "x.com in route r"},
      {"DuplicateAny",
       hcm("", kRouter,
           "{ name: r, virtual_hosts: [ { name: a, domains: [ \"*\" ] }, { name: b, domains: [ "
           "\"*\" ] } ] }"),
       "12:11: " + kHcm + ".route_config: Only a single wildcard domain is permitted in route r"},
      {"NoDomains", hcm("", kRouter, "{ virtual_hosts: [ { name: a } ] }"),
       "12:44: " + kHcm + ".route_config.virtual_hosts[0]: must contain at least 1 domain"},
      {"NoHostName", hcm("", kRouter, "{ virtual_hosts: [ { domains: [ a ] } ] }"),
       "12:44: " + kHcm + ".route_config.virtual_hosts[0]: virtual host has no name"},
      {"Vhds", hcm("", kRouter, "{ vhds: {} }"),
       "12:27: " + kHcm +
           ".route_config.vhds: field 'vhds' of envoy.config.route.v3.RouteConfiguration is not "
           "supported by this version of weir-proxy"},
      {"NoProtocol",
       cluster("    typed_extension_protocol_options: { "
               "envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { \"@type\": "
               "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions } }\n"),
       "4:41: " + kCluster +
           ".typed_extension_protocol_options.envoy.extensions.upstreams.http.v3."
           "HttpProtocolOptions: names no protocol: expected explicit_http_config or "
           "use_downstream_protocol_config"},
      {"NoExplicit",
       cluster("    typed_extension_protocol_options: { "
               "envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { \"@type\": "
               "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
               "explicit_http_config: {} } }\n"),
       "4:184: " + kCluster +
           ".typed_extension_protocol_options.envoy.extensions.upstreams.http.v3."
           "HttpProtocolOptions.explicit_http_config: names no protocol: expected "
           "http_protocol_options or http2_protocol_options"},
      {"AutoConfig",
       cluster("    typed_extension_protocol_options: { "
               "envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { \"@type\": "
               "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
               "auto_config: {} } }\n"),
       "4:184: " + kCluster +
           ".typed_extension_protocol_options.envoy.extensions.upstreams.http.v3."
           "HttpProtocolOptions.auto_config: field 'auto_config' of "
           "envoy.extensions.upstreams.http.v3.HttpProtocolOptions is not supported by this "
           "version of weir-proxy"},
      {"OptionsName",
       cluster("    typed_extension_protocol_options: { foo: { \"@type\": "
               "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, "
               "explicit_http_config: { http_protocol_options: {} } } }\n"),
       "4:41: " + kCluster +
           ".typed_extension_protocol_options.foo: Didn't find a registered network or http filter "
           "or protocol options implementation for name: 'foo'; known: "
           "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"},
      {"OptionsType",
       cluster("    typed_extension_protocol_options: { "
               "envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { \"@type\": "
               "type.googleapis.com/envoy.config.route.v3.Decorator } }\n"),
       "4:41: " + kCluster +
           ".typed_extension_protocol_options.envoy.extensions.upstreams.http.v3."
           "HttpProtocolOptions: 'type.googleapis.com/envoy.config.route.v3.Decorator': expected "
           "type envoy.extensions.upstreams.http.v3.HttpProtocolOptions"},
      {"CheckEmpty", cluster("    health_checks: [ {} ]\n"),
       "4:22: " + kCluster + ".health_checks[0]: has no timeout\n4:22: " + kCluster +
           ".health_checks[0]: has no interval\n4:22: " + kCluster +
           ".health_checks[0]: has no unhealthy_threshold\n4:22: " + kCluster +
           ".health_checks[0]: has no healthy_threshold\n4:22: " + kCluster +
           ".health_checks[0]: names no check: expected http_health_check, tcp_health_check or "
           "grpc_health_check"},
      {"CheckPath",
       cluster("    health_checks: [ { timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
               "healthy_threshold: 1, http_health_check: {} } ]\n"),
       "4:97: " + kCluster + ".health_checks[0].http_health_check: has no path"},
      {"CheckTimeout",
       cluster("    health_checks: [ { timeout: 0s, interval: 1s, unhealthy_threshold: 1, "
               "healthy_threshold: 1, tcp_health_check: {} } ]\n"),
       "4:24: " + kCluster + ".health_checks[0].timeout: must be greater than 0s"},
      {"CheckStatuses",
       cluster("    health_checks: [ { timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
               "healthy_threshold: 1, http_health_check: { path: /, expected_statuses: [ { start: "
               "50, end: 100 }, { start: 500, end: 700 }, { start: 5, end: 5 } ], "
               "retriable_statuses: [ { start: 500, end: 500 } ] } } ]\n"),
       "4:148: " + kCluster +
           ".health_checks[0].http_health_check.expected_statuses[0]: Invalid http expected status "
           "range: expecting start >= 100, but found start=50\n4:173: " +
           kCluster +
           ".health_checks[0].http_health_check.expected_statuses[1]: Invalid http expected status "
           "range: expecting end <= 600, but found end=700\n4:199: " +
           kCluster +
           ".health_checks[0].http_health_check.expected_statuses[2]: Invalid http expected status "
           "range: expecting start < end, but found start=5 and end=5\n4:245: " +
           kCluster +
           ".health_checks[0].http_health_check.retriable_statuses[0]: Invalid http retriable "
           "status range: expecting start < end, but found start=500 and end=500"},
      {"CheckMethod",
       cluster("    health_checks: [ { timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
               "healthy_threshold: 1, http_health_check: { path: /, method: CONNECT } } ]\n"),
       "4:127: " + kCluster +
           ".health_checks[0].http_health_check.method: CONNECT cannot check a host"},
      {"CheckHeader",
       cluster("    health_checks: [ { timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
               "healthy_threshold: 1, http_health_check: { path: /, request_headers_to_add: [ { "
               "header: { key: a, value: \"%HOSTNAME%\" } } ] } } ]\n"),
       "4:153: " + kCluster +
           ".health_checks[0].http_health_check.request_headers_to_add[0]: command operators have "
           "no value in a health check"},
      {"CheckHex",
       cluster(
           "    health_checks: [ { timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
           "healthy_threshold: 1, tcp_health_check: { send: { text: zz }, receive: [ {} ] } } ]\n"),
       "4:125: " + kCluster +
           ".health_checks[0].tcp_health_check.send.text: invalid hex string 'zz'\n4:148: " +
           kCluster +
           ".health_checks[0].tcp_health_check.receive[0]: has no payload: expected text "
           "(hexadecimal) or binary"},
      {"CheckGrpc",
       cluster("    health_checks: [ { timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
               "healthy_threshold: 1, grpc_health_check: {} } ]\n"),
       "4:22: " + kCluster +
           ".health_checks[0]: c cluster must support HTTP/2 for gRPC healthchecking"},
      {"CheckCustom",
       cluster("    health_checks: [ { timeout: 1s, interval: 1s, unhealthy_threshold: 1, "
               "healthy_threshold: 1, custom_health_check: { name: x } } ]\n"),
       "4:97: " + kCluster +
           ".health_checks[0].custom_health_check: field 'custom_health_check' of "
           "envoy.config.core.v3.HealthCheck is not supported by this version of weir-proxy"},
      {"OutlierInterval", cluster("    outlier_detection: { interval: 0s }\n"),
       "4:26: " + kCluster + ".outlier_detection.interval: must be greater than 0s"},
      {"OutlierPercent",
       cluster(
           "    outlier_detection: { max_ejection_percent: 101, enforcing_success_rate: 102 }\n"),
       "4:53: " + kCluster +
           ".outlier_detection.enforcing_success_rate: '102': must be less than or equal to "
           "100\n4:26: " +
           kCluster +
           ".outlier_detection.max_ejection_percent: '101': must be less than or equal to 100"},
      {"OutlierTimes",
       cluster("    outlier_detection: { base_ejection_time: 10s, max_ejection_time: 1s }\n"),
       "4:5: " + kCluster +
           ".outlier_detection: outlier detector's max_ejection_time cannot be smaller than "
           "base_ejection_time"},
      {"Panic", cluster("    common_lb_config: { healthy_panic_threshold: { value: 101 } }\n"),
       "4:25: " + kCluster + ".common_lb_config.healthy_panic_threshold: must be 0 to 100"},
      {"Budget",
       cluster("    circuit_breakers: { thresholds: [ { retry_budget: { budget_percent: { value: "
               "-1 } } } ] }\n"),
       "4:57: " + kCluster +
           ".circuit_breakers.thresholds[0].retry_budget.budget_percent: must be 0 to 100"},
  };
}

INSTANTIATE_TEST_SUITE_P(Hcm, Reject, ::testing::ValuesIn(http_cases()), case_name);

}  // namespace
}  // namespace weir::config::testing
