// SPDX-License-Identifier: Apache-2.0
// Texts and values that are refused whatever they configure, with line, column, path and reason.
#include "tests/unit/config/config_text.hpp"

namespace weir::config::testing {
namespace {

std::vector<RejectCase> document_cases() {
  return {
      {"Empty", "# nothing\n", " empty: expected an object with fields like 'static_resources'"},
      {"Syntax", "a: b\n c: d\n", "2:3: not valid YAML or JSON: illegal map value"},
      {"Tab", "admin:\n\taddress: x\n",
       "2:9: not valid YAML or JSON: illegal map value; indentation must not contain tabs"},
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
      {"NotSupportedYet", "clusterManager: {}\n",
       "1:1: clusterManager: field 'cluster_manager' of envoy.config.bootstrap.v3.Bootstrap is "
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
      {"EnumNotSupported", cluster("    lb_policy: MAGLEV\n"),
       "4:16: " + kCluster +
           ".lb_policy: value 'MAGLEV' of envoy.config.cluster.v3.Cluster.LbPolicy is not "
           "supported by "
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

INSTANTIATE_TEST_SUITE_P(Document, Reject, ::testing::ValuesIn(document_cases()), case_name);

}  // namespace
}  // namespace weir::config::testing
