// SPDX-License-Identifier: Apache-2.0
// What is accepted, and what is only warned of.
#include "tests/unit/config/config_text.hpp"

namespace weir::config::testing {
namespace {

TEST(Refusal, LogFormatNamesItsPlace) {
  const std::string errors =
      load(access_log(kFile, "        path: /x\n        format: \"%NO_SUCH%\"\n")).errors;
  EXPECT_EQ(errors.find("11:9: " + kListener + ".access_log[0].typed_config.format: "), 0u)
      << errors;
  EXPECT_NE(errors.find("NO_SUCH"), std::string::npos) << errors;
}

TEST(Refusal, ListenerCheckIsAsked) {
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
}  // namespace weir::config::testing
