// SPDX-License-Identifier: Apache-2.0
// What is wrong with a file is said with its place; what is right becomes values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/control/control_text.hpp"

namespace weir::control {
namespace {

using config::Severity;
using ::testing::HasSubstr;

std::string entry(const std::string& spec) {
  return "kind: ServiceEntry\nmetadata: {name: a}\nspec:\n" + spec;
}

std::string errors_of(const std::string& text) {
  config::Diagnostics diagnostics;
  parse_file("mesh.yaml", text, diagnostics);
  return diagnostics.to_string(Severity::error);
}

std::string warnings_of(const std::string& text) {
  config::Diagnostics diagnostics;
  testing::registry_of(text, diagnostics);
  EXPECT_EQ(diagnostics.to_string(Severity::error), "");
  return diagnostics.to_string(Severity::warning);
}

TEST(ParseFile, ErrorsNameFileLineAndField) {
  EXPECT_EQ(errors_of(entry("  hosts: [a.example.com]\n  ports: [{number: 70000}]\n")),
            "mesh.yaml:5:20: spec.ports[0].number: '70000' is not a number from 0 to 65535\n"
            "mesh.yaml:5:20: spec.ports[0].number: a port needs a number");
}

TEST(ParseFile, Refuses) {
  const std::pair<std::string, const char*> kCases[] = {
      {"a: [", "mesh.yaml:1:"},
      {"meshConfig:\n  accessLogFile: \"/\xff\"", "mesh.yaml:2:18: not UTF-8"},
      {"something: 1", "what this is cannot be told"},
      {entry("  hosts: [a.example.com]\n"), "needs at least one port"},
      {entry("  ports: [{number: 80}]\n"), "has no hosts"},
      {entry("  hosts: [a.b]\n  ports: [{number: 80}]\n  resolution: MAGIC\n"), "'MAGIC'"},
      {entry("  hosts: [a.b]\n  ports: [{number: 80}]\n  resolution: STATIC\n"), "needs endpoints"},
      {entry("  hosts: ['*.b']\n  ports: [{number: 80}]\n  resolution: DNS\n"), "wildcard"},
      {entry("  hosts: [a.b]\n  ports: [{number: 80}]\n  addresses: [x]\n"), "'x'"},
      {entry("  hosts: [a.b]\n  ports: [{number: 80}]\n  endpoints: [{address: 203.0.113.1}]\n"),
       "resolution NONE takes no endpoints"},
      {entry("  hosts: [a.b]\n  ports: [{number: 80}]\n  resolution: STATIC\n"
             "  endpoints: [{address: name.example.com}]\n"),
       "only resolution DNS takes a host name"},
      {"meshConfig: {outboundTrafficPolicy: {mode: NONE}}", "expected ALLOW_ANY or REGISTRY_ONLY"},
      {"kind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [a.b], http: [{timeout: 1x}]}",
       "'1x' is not a duration"},
      {"kind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [a.b], http: [{name: x}]}",
       "expected one of route, redirect, directResponse"},
      {"kind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [a.b], http: [{match: [{scheme: "
       "{exact: https}}], directResponse: {status: 200}}]}",
       "would take more than it should"},
      {"kind: DestinationRule\nmetadata: {name: a}\nspec: {host: a.b, trafficPolicy: {tls: {mode: "
       "SIMPLE}}}",
       "TLS to the destination is not supported"},
      {"kind: EndpointSlice\nmetadata: {name: a}\n", "whose endpoints are these?"},
      {"'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\nconnect_timeout: 1s",
       "has no name"},
      {"'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: a\ncolour: red",
       "mesh.yaml:3:1: colour:"},
      {"resources:\n- '@type': type.googleapis.com/envoy.config.core.v3.Node\n  id: a",
       "is not served"},
      {"'@type': type.googleapis.com/envoy.config.cluster.v3.Cluster\nname: a\n"
       "typed_extension_protocol_options: {x: {'@type': type.googleapis.com/some.Options, a: 1}}",
       "type 'type.googleapis.com/some.Options' is not supported"},
  };
  for (const auto& [text, error] : kCases) EXPECT_THAT(errors_of(text), HasSubstr(error)) << text;
}

TEST(ParseFile, WarnsOfWhatHasNoEffect) {
  EXPECT_EQ(warnings_of(entry("  hosts: [a.b]\n  ports: [{number: 80}]\n  colour: red\n")),
            "mesh.yaml:6:3: spec.colour: has no effect here: not supported");
  EXPECT_THAT(warnings_of("kind: Gateway\nmetadata: {name: a}\n"), HasSubstr("kind 'Gateway'"));
}

TEST(ParseFile, SaysWhoCameFirst) {
  const std::string one = entry("  hosts: [a.b]\n  ports: [{number: 80}]\n");
  EXPECT_EQ(warnings_of(one + "---\n" + one),
            "mesh.yaml:7:1: host 'a.b': taken already at mesh.yaml:1:1; ignored here");
}

TEST(ParseFile, SaysWhichDestinationsLeadNowhere) {
  const std::string rules =
      "kind: VirtualService\nmetadata: {name: v}\nspec: {hosts: [x.y], http: [{route: [{weight: 1, "
      "destination: {host: DESTINATION}}]}]}\n---\n" +
      entry("  hosts: [a.b]\n  ports: [{number: 80}]\n");
  const auto warnings_for = [&](const std::string& destination) {
    std::string text = rules;
    text.replace(text.find("DESTINATION"), 11, destination);
    return warnings_of(text);
  };
  EXPECT_EQ(warnings_for("a.b"), "");
  const std::string start = "mesh.yaml:1:1: virtual service 'v': destination ";
  EXPECT_EQ(warnings_for("c.d"), start + "'c.d': there is no such host");
  EXPECT_EQ(warnings_for("a.b, port: {number: 81}"), start + "'a.b': has no port 81");
  EXPECT_EQ(warnings_for("a.b, subset: v9"),
            start + "'a.b': no destination rule has a subset 'v9'");
}

TEST(ParseFile, ListsHoldObjects) {
  config::Diagnostics diagnostics;
  const auto objects = parse_file("mesh.json",
                                  R"({"kind": "List", "items": [
 {"kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80, "name": "http"}]}},
 {"kind": "Service", "metadata": {"name": "b"}, "spec": {"ports": [{"port": 53, "protocol": "UDP"}]}}]})",
                                  diagnostics);
  EXPECT_EQ(diagnostics.to_string(Severity::error), "");
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(std::get<Service>(objects[0]).host, "a.default.svc.cluster.local");
  EXPECT_EQ(std::get<Service>(objects[0]).ports.at(0).protocol, Protocol::http);
  EXPECT_TRUE(std::get<Service>(objects[1]).ports.empty());
}

TEST(ParseFile, AnOperatorsMeshConfigCounts) {
  config::Diagnostics diagnostics;
  const Registry registry = testing::registry_of(
      "kind: IstioOperator\nspec:\n  profile: minimal\n  meshConfig:\n    outboundTrafficPolicy:\n"
      "      mode: REGISTRY_ONLY\n",
      diagnostics);
  EXPECT_EQ(registry.mesh.outbound, OutboundPolicy::registry_only);
  EXPECT_TRUE(registry.builds_sidecar);
}

TEST(Durations, AreSums) {
  using std::chrono::milliseconds;
  EXPECT_EQ(parse_duration_sum("1h2m3.5s"), Duration(milliseconds(3723500)));
  EXPECT_EQ(parse_duration_sum("250ms"), Duration(milliseconds(250)));
  EXPECT_EQ(parse_duration_sum("0"), Duration::zero());
  for (const char* wrong : {"", "1", "s", "1x", "-1s", "1.2.3s", "99999h", "1e3s", "infs"})
    EXPECT_EQ(parse_duration_sum(wrong), std::nullopt) << wrong;
}

TEST(Protocols, ComeFromNames) {
  EXPECT_EQ(protocol_of("HTTP"), Protocol::http);
  EXPECT_EQ(protocol_of("http-web"), Protocol::http);
  EXPECT_EQ(protocol_of("GRPC"), Protocol::http2);
  EXPECT_EQ(protocol_of("HTTPS"), Protocol::tls);
  EXPECT_EQ(protocol_of("httpish"), Protocol::tcp);
  EXPECT_EQ(protocol_of(""), Protocol::tcp);
}

}  // namespace
}  // namespace weir::control
