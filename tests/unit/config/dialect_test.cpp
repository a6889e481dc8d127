// SPDX-License-Identifier: Apache-2.0
// Envoy's lenient dialect, one quirk at a time: what is accepted, and what is said about it.
#include <gtest/gtest.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/config/core/v3/substitution_format_string.pb.h"
#include "envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h"
#include "proxy/config/yaml_to_proto.hpp"

namespace weir::config {
namespace {

using envoy::config::bootstrap::v3::Bootstrap;
using envoy::config::cluster::v3::Cluster;
using envoy::config::listener::v3::Listener;

/// A converted message, with what was said about it.
template <class T>
struct Converted {
  T message;
  std::string warnings;
  std::string errors;
};

template <class T>
Converted<T> convert(std::string_view text, Dialect dialect = Dialect::strict) {
  Converted<T> out;
  Diagnostics diagnostics;
  if (const auto document = parse_document("f", text, diagnostics))
    yaml_to_proto(*document, dialect, out.message, diagnostics);
  out.warnings = diagnostics.to_string(Severity::warning);
  out.errors = diagnostics.to_string(Severity::error);
  return out;
}

TEST(Dialect, EnumNamesInAnyCase) {
  const auto got =
      convert<Cluster>("type: Static\nlb_policy: least-request\ndns_lookup_family: V4_ONLY");
  EXPECT_EQ(got.errors, "");
  EXPECT_EQ(got.message.lb_policy(), Cluster::LEAST_REQUEST);
  EXPECT_EQ(got.warnings,
            "f:1:7: type: 'Static': read as STATIC; write it so\n"
            "f:2:12: lb_policy: 'least-request': read as LEAST_REQUEST; write it so");
}

TEST(Dialect, EnumNumbers) {
  const auto got = convert<Cluster>("type: 1\nlb_policy: '3'");
  EXPECT_EQ(got.errors + got.warnings, "");
  EXPECT_EQ(got.message.type(), Cluster::STRICT_DNS);
  EXPECT_EQ(got.message.lb_policy(), Cluster::RANDOM);
  EXPECT_EQ(convert<Cluster>("lb_policy: 4").errors,
            "f:1:12: lb_policy: '4' is not a value of envoy.config.cluster.v3.Cluster.LbPolicy; "
            "expected ROUND_ROBIN, "
            "LEAST_REQUEST, RANDOM or CLUSTER_PROVIDED");
}

TEST(Dialect, OneObjectWhereAListBelongs) {
  const auto got = convert<Listener>("filter_chains: {filters: {name: x}}");
  EXPECT_EQ(got.errors, "");
  EXPECT_EQ(got.message.filter_chains(0).filters(0).name(), "x");
  EXPECT_EQ(got.warnings,
            "f:1:16: filter_chains: one value where a list belongs; write it as a list\n"
            "f:1:26: filter_chains[0].filters: one value where a list belongs; write it as a list");
}

TEST(Dialect, OneScalarWhereAListBelongs) {
  const auto got =
      convert<envoy::config::listener::v3::FilterChainMatch>("server_names: a.example.com");
  EXPECT_EQ(got.message.server_names(0), "a.example.com");
  EXPECT_EQ(got.warnings,
            "f:1:15: server_names: one value where a list belongs; write it as a list");
}

TEST(Dialect, ListsInListsAreFlattened) {
  const auto got =
      convert<envoy::config::listener::v3::FilterChainMatch>("source_ports: [1, [2, [3]], 4]");
  EXPECT_EQ(got.errors, "");
  ASSERT_EQ(got.message.source_ports_size(), 4);
  EXPECT_EQ(got.message.source_ports(3), 4u);
  EXPECT_EQ(got.warnings,
            "f:1:19: source_ports[1]: a list in a list is flattened\n"
            "f:1:23: source_ports[1][2]: a list in a list is flattened");
}

TEST(Dialect, NullInListsIsSkipped) {
  const auto got =
      convert<envoy::config::listener::v3::FilterChainMatch>("source_ports: [1, null, ~, 4]");
  EXPECT_EQ(got.message.source_ports_size(), 2);
  EXPECT_EQ(got.warnings,
            "f:1:19: source_ports[1]: null in a list is skipped\nf:1:25: source_ports[1]: null in "
            "a list is skipped");
}

TEST(Dialect, NullFieldsAreUnset) {
  const auto got = convert<Cluster>("name:\nconnect_timeout: null\nload_assignment: ~\ntype:\n");
  EXPECT_EQ(got.errors + got.warnings, "");
  EXPECT_FALSE(got.message.has_connect_timeout() || got.message.has_load_assignment() ||
               got.message.has_type());
}

TEST(Dialect, QuotedNumbersAndBools) {
  const auto got = convert<Listener>(
      "tcp_backlog_size: \"64\"\nuse_original_dst: \"true\"\nreuse_port: 'false'");
  EXPECT_EQ(got.errors, "");
  EXPECT_EQ(got.message.tcp_backlog_size().value(), 64u);
  EXPECT_TRUE(got.message.use_original_dst().value());
  EXPECT_EQ(got.warnings,
            "f:1:19: tcp_backlog_size: '64': write the number without quotes\n"
            "f:2:19: use_original_dst: 'true': write it without quotes\n"
            "f:3:13: reuse_port: 'false': write it without quotes");
}

TEST(Dialect, OtherWordsForBools) {
  const auto got = convert<Listener>("use_original_dst: yes\ntransparent: Off");
  EXPECT_TRUE(got.message.use_original_dst().value());
  EXPECT_FALSE(got.message.transparent().value());
  EXPECT_EQ(got.warnings,
            "f:1:19: use_original_dst: 'yes': read as true; write true\n"
            "f:2:14: transparent: 'Off': read as false; write false");
}

TEST(Dialect, OtherBasesForNumbers) {
  const auto got =
      convert<Listener>("tcp_backlog_size: 0x10\nper_connection_buffer_limit_bytes: 010");
  EXPECT_EQ(got.message.tcp_backlog_size().value(), 16u);
  EXPECT_EQ(got.message.per_connection_buffer_limit_bytes().value(), 8u);
  EXPECT_EQ(
      got.warnings,
      "f:1:19: tcp_backlog_size: '0x10': read as 16; write the decimal number\n"
      "f:2:36: per_connection_buffer_limit_bytes: '010': read as 8; write the decimal number");
}

TEST(Dialect, BareNumbersForText) {
  const auto got = convert<Cluster>("name: 80\nalt_stat_name: 1.5");
  EXPECT_EQ(got.message.name(), "80");
  EXPECT_EQ(got.message.alt_stat_name(), "1.5");
  EXPECT_EQ(got.warnings, "f:1:7: name: '80' where text belongs; write it in quotes");
}

TEST(Dialect, SnakeCaseAndCamelCase) {
  const auto got =
      convert<Listener>("useOriginalDst: true\nbind_to_port: false\ntrafficDirection: OUTBOUND");
  EXPECT_EQ(got.errors + got.warnings, "");
  EXPECT_TRUE(got.message.use_original_dst().value());
  EXPECT_FALSE(got.message.bind_to_port().value());
  EXPECT_EQ(got.message.traffic_direction(), envoy::config::core::v3::OUTBOUND);
}

TEST(Dialect, ALaterFieldReplacesAnEarlier) {
  const auto got = convert<Listener>(
      "stat_prefix: a\nfilter_chains: [{}]\nstatPrefix: b\nfilter_chains: [{}, {}]");
  EXPECT_EQ(got.message.stat_prefix(), "b");
  EXPECT_EQ(got.message.filter_chains_size(), 2);
  EXPECT_EQ(got.warnings,
            "f:3:1: stat_prefix: field 'stat_prefix' is given twice; the later one is used\n"
            "f:4:1: filter_chains: field 'filter_chains' is given twice; the later one is used");
}

TEST(Dialect, DurationsAndWrappers) {
  const auto got = convert<Cluster>(
      "connect_timeout: 0.25s\ncleanup_interval: 1s\n"
      "per_connection_buffer_limit_bytes: 1");
  EXPECT_EQ(got.errors + got.warnings, "");
  EXPECT_EQ(got.message.connect_timeout().nanos(), 250'000'000);
  EXPECT_EQ(got.message.cleanup_interval().seconds(), 1);
  EXPECT_EQ(got.message.per_connection_buffer_limit_bytes().value(), 1u);
}

TEST(Dialect, AnyIsPackedByItsType) {
  const auto got = convert<envoy::config::listener::v3::Filter>(
      "name: x\ntyped_config:\n"
      "  '@type': type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\n  "
      "cluster: c");
  EXPECT_EQ(got.errors + got.warnings, "");
  envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy proxy;
  ASSERT_TRUE(got.message.typed_config().UnpackTo(&proxy));
  EXPECT_EQ(proxy.cluster(), "c");
}

TEST(Dialect, AnyOfAWellKnownTypeHoldsAValue) {
  const auto got = convert<envoy::config::listener::v3::Filter>(
      "typed_config: {'@type': type.googleapis.com/google.protobuf.Duration, value: 3s}");
  google::protobuf::Duration duration;
  ASSERT_TRUE(got.message.typed_config().UnpackTo(&duration)) << got.errors;
  EXPECT_EQ(duration.seconds(), 3);
}

TEST(Dialect, AnyOfAnUnknownTypeKeepsItsUrl) {
  const auto got = convert<envoy::config::listener::v3::Filter>(
      "typed_config: {'@type': type.googleapis.com/some.Thing, fields: [whatever]}");
  EXPECT_EQ(got.errors + got.warnings, "");
  EXPECT_EQ(got.message.typed_config().type_url(), "type.googleapis.com/some.Thing");
}

TEST(Dialect, StructsTakeWordsByTheirLooks) {
  const auto got = convert<envoy::config::core::v3::SubstitutionFormatString>(
      "json_format: {a: 1, b: '1', c: true, d: yes, e: null, f: [1.5, x], g: {h: 007}}");
  EXPECT_EQ(got.errors, "");
  const auto& fields = got.message.json_format().fields();
  EXPECT_EQ(fields.at("a").number_value(), 1);
  EXPECT_EQ(fields.at("b").string_value(), "1");
  EXPECT_TRUE(fields.at("c").bool_value());
  EXPECT_TRUE(fields.at("d").bool_value());
  EXPECT_EQ(fields.at("e").kind_case(), google::protobuf::Value::kNullValue);
  EXPECT_EQ(fields.at("f").list_value().values(0).number_value(), 1.5);
  EXPECT_EQ(fields.at("g").struct_value().fields().at("h").number_value(), 7);
  EXPECT_EQ(got.warnings,
            "f:1:41: json_format.d: 'yes': read as true; write true\n"
            "f:1:75: json_format.g.h: '007': read as 7; write the decimal number");
}

TEST(Dialect, CarriageReturnsAndByteOrderMarks) {
  const auto got = convert<Cluster>("\xEF\xBB\xBFname: a\r\nconnect_timeout: 1s\r\n");
  EXPECT_EQ(got.errors + got.warnings, "");
  EXPECT_EQ(got.message.name(), "a");
  EXPECT_EQ(got.message.connect_timeout().seconds(), 1);
}

TEST(Dialect, JsonWithTabsAndEscapes) {
  const auto got = convert<Cluster>(
      "\t{\n\t\"name\":\"\\ud83d\\ude00\\u0041\\/\\\\u0041\",\n\t\"connectTimeout\":\"1s\"\t}\n");
  EXPECT_EQ(got.errors + got.warnings, "");
  EXPECT_EQ(got.message.name(),
            "\xF0\x9F\x98\x80"
            "A/\\u0041");
  EXPECT_EQ(got.message.connect_timeout().seconds(), 1);
}

TEST(Dialect, AliasesStandForWhatTheyName) {
  const auto got =
      convert<Bootstrap>("static_resources:\n  clusters:\n    - &c {name: a}\n    - *c\n");
  EXPECT_EQ(got.errors, "");
  EXPECT_EQ(got.message.static_resources().clusters(1).name(), "a");
}

TEST(Dialect, OnlyTheFirstDocumentIsRead) {
  const auto got = convert<Cluster>("name: a\n---\nname: b\n");
  EXPECT_EQ(got.message.name(), "a");
  EXPECT_EQ(got.warnings, "f:2:1: more than one document: only the first is used");
}

TEST(Dialect, NothingMayFollowTheDocument) {
  EXPECT_EQ(convert<Cluster>("{name: a} {name: b}\n").errors,
            "f:1:11: not valid YAML or JSON: text after the end of the document");
  EXPECT_EQ(convert<Cluster>("{\"name\": \"a\"]\n}").errors.find("f:1:"), 0u);
  EXPECT_EQ(convert<Cluster>("--- \nname: a\n...\n").errors, "");
}

TEST(Dialect, UnknownFieldsAreWarningsWhenLenient) {
  const std::string text = "nam: a\nlb_subset_config: []\ntype: NOPE";
  const auto strict = convert<Cluster>(text);
  EXPECT_EQ(strict.warnings, "");
  EXPECT_EQ(
      strict.errors,
      "f:1:1: nam: unknown field 'nam' of envoy.config.cluster.v3.Cluster; did you mean 'name'?\n"
      "f:2:1: lb_subset_config: field 'lb_subset_config' of envoy.config.cluster.v3.Cluster is not "
      "supported by this "
      "version of weir-proxy\n"
      "f:3:7: type: 'NOPE' is not a value of envoy.config.cluster.v3.Cluster.DiscoveryType; "
      "expected STATIC, "
      "STRICT_DNS, LOGICAL_DNS, EDS or ORIGINAL_DST");
  const auto lenient = convert<Cluster>(text, Dialect::lenient);
  EXPECT_NE(lenient.warnings.find("f:1:1: nam: unknown field"), std::string::npos);
  EXPECT_EQ(lenient.errors.find("f:3:7: type:"), 0u);
}

TEST(Limits, AliasesThatExplode) {
  std::string text = "metadata:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name <= 'h'; ++name) {
    const std::string last(1, static_cast<char>(name - 1));
    text += std::string("  ") + name + ": &" + name + " [";
    for (int i = 0; i < 10; ++i) text += (i == 0 ? "*" : ", *") + last;
    text += "]\n";
  }
  const auto got = convert<envoy::config::core::v3::Node>(text);
  EXPECT_NE(got.errors.find("aliases stand for too many values"), std::string::npos) << got.errors;
}

TEST(Limits, AnAliasOfItself) {
  const auto got = convert<Listener>("filter_chains: &f [*f]");
  EXPECT_NE(got.errors, "");
}

TEST(Limits, Depth) {
  std::string deep = "rules: []";
  for (int i = 0; i < 70; ++i) deep = "or_match: {rules: [{" + deep + "}]}";
  const auto got =
      convert<envoy::config::listener::v3::ListenerFilterChainMatchPredicate>("{" + deep + "}");
  EXPECT_NE(got.errors.find("nested too deeply"), std::string::npos) << got.errors;
  const std::string brackets(5000, '[');
  EXPECT_EQ(convert<Cluster>("name: " + brackets).errors.find("f:1:"), 0u);
}

TEST(Limits, Size) {
  const std::string large(kLargestDocument + 1, ' ');
  EXPECT_EQ(convert<Cluster>(large).errors,
            "f: document of 67108865 bytes: larger than the limit of 67108864");
}

TEST(Limits, ErrorsAreCountedPastTwenty) {
  std::string text;
  for (int i = 0; i < 25; ++i) text += "field_" + std::to_string(i) + ": 1\n";
  const std::string errors = convert<Cluster>(text).errors;
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 20);
  EXPECT_NE(errors.find("\n... and 5 more errors"), std::string::npos);
}

TEST(Documents, AllOfThemAreReadWithTheirLines) {
  Diagnostics diagnostics;
  const auto documents = parse_documents("f", "# one\na: 1\n---\n---\nb: 2\n---\n", diagnostics);
  EXPECT_TRUE(diagnostics.all().empty());
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0]->root->entries.at(0).key->line, 2);
  EXPECT_EQ(documents[1]->root->entries.at(0).key->line, 5);
  EXPECT_EQ(documents[1]->file, "f");
}

TEST(Documents, WhatIsLeftOverIsAnError) {
  for (const char* text : {"{a: 1}}", "a: 1\n---\nb: [", "{a: 1} b"}) {
    Diagnostics diagnostics;
    parse_documents("f", text, diagnostics);
    EXPECT_EQ(diagnostics.error_count(), 1u) << text;
  }
}

}  // namespace
}  // namespace weir::config
