// SPDX-License-Identifier: Apache-2.0
// Listeners and filter chains that are refused, with line, column, path and reason.
#include "tests/unit/config/config_text.hpp"

namespace weir::config::testing {
namespace {

std::vector<RejectCase> listener_cases() {
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
           "envoy.filters.listener.original_dst, envoy.filters.listener.original_src, "
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

std::string policy(const std::string& value) {
  return listener("    metadata: { filter_metadata: { weir: { drain_policy: " + value + " } } }\n" +
                  kChains);
}
const std::string kPolicy = "5:44: " + kListener + ".metadata.filter_metadata.weir.drain_policy: ";

std::vector<RejectCase> drain_cases() {
  const std::string expected = "': expected never, on_change or a time such as 30s";
  return {
      {"Word", policy("always"), kPolicy + "drain policy 'always" + expected},
      {"UpperCase", policy("NEVER"), kPolicy + "drain policy 'NEVER" + expected},
      {"Nothing", policy("''"), kPolicy + "drain policy '" + expected},
      {"WithoutUnit", policy("30"), kPolicy + "drain policy '30" + expected},
      {"Minutes", policy("5m"), kPolicy + "drain policy '5m" + expected},
      {"List", policy("[ never ]"), kPolicy + "drain policy '[\"never\"]" + expected},
      {"Negative", policy("-1s"), kPolicy + "duration is negative"},
  };
}

std::string match(const std::string& fields) {
  return listener("    filter_chains:\n    - filter_chain_match: { " + fields + " }\n");
}
const std::string kMatch = kListener + ".filter_chains[0].filter_chain_match";

std::vector<RejectCase> chain_cases() {
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
                "envoy.filters.network.redis_proxy\n"
                "        typed_config:\n          \"@type\": "
                "type.googleapis.com/envoy.extensions.filters.network."
                "redis_proxy.v3.RedisProxy\n          stat_prefix: x\n"),
       "7:9: " + kFilter +
           ": Didn't find a registered implementation for "
           "'envoy.filters.network.redis_proxy' with type URL: "
           "'type.googleapis.com/envoy.extensions.filters."
           "network.redis_proxy.v3.RedisProxy'; known: "
           "envoy.filters.network.tcp_proxy, envoy.filters.network.http_connection_manager"},
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

INSTANTIATE_TEST_SUITE_P(Listener, Reject, ::testing::ValuesIn(listener_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Drain, Reject, ::testing::ValuesIn(drain_cases()), case_name);
INSTANTIATE_TEST_SUITE_P(Chain, Reject, ::testing::ValuesIn(chain_cases()), case_name);

}  // namespace
}  // namespace weir::config::testing
