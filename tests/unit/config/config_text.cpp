// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/config/config_text.hpp"

#include "tests/unit/config/test_filters.hpp"

namespace weir::config::testing {

Messages load(const std::string& text, ListenerCheck check) {
  BootstrapSource source;
  source.text = text;
  Diagnostics diagnostics;
  const auto snapshot = load_snapshot(source, test_registry(), check, diagnostics);
  EXPECT_EQ(snapshot.has_value(), !diagnostics.has_errors());
  const std::string file = "built-in configuration:";
  Messages out{diagnostics.to_string(Severity::error), diagnostics.to_string(Severity::warning)};
  for (std::string* messages : {&out.errors, &out.warnings})
    for (std::size_t at = messages->find(file); at != std::string::npos; at = messages->find(file))
      messages->erase(at, file.size());
  return out;
}

std::string listener(const std::string& tail, const std::string& address) {
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

std::string hcm(const std::string& fields, const std::string& filters, const std::string& routes) {
  return listener(
      "    filter_chains:\n    - filters:\n      - name: f\n        typed_config:\n"
      "          \"@type\": type.googleapis.com/envoy.extensions.filters.network."
      "http_connection_manager.v3.HttpConnectionManager\n"
      "          stat_prefix: s\n"
      "          http_filters: " +
      filters + "\n          route_config: " + routes + "\n" + fields);
}

std::string one_route(const std::string& fields) {
  return hcm("", "[ { name: envoy.filters.http.router } ]",
             "\n            virtual_hosts:\n            - name: v\n              domains: [ \"*\" "
             "]\n              routes:\n              - name: r\n" +
                 fields) +
         "  clusters: [ { name: c } ]\n";
}

std::string access_log(const std::string& type, const std::string& fields) {
  return listener(
      "    filter_chains: [ {} ]\n    access_log:\n    - name: log\n      typed_config:\n"
      "        \"@type\": type.googleapis.com/" +
      type + "\n" + fields);
}

void PrintTo(const RejectCase& item, std::ostream* out) { *out << item.name; }

TEST_P(Reject, SaysWhatAndWhere) { EXPECT_EQ(load(GetParam().text).errors, GetParam().errors); }

}  // namespace weir::config::testing
