// SPDX-License-Identifier: Apache-2.0
// --config: what a file of flags may hold, and what each error says.
#include "init/cli/config_file.hpp"

#include <gtest/gtest.h>

#include "cases.hpp"
#include "init/cli/nearest_name.hpp"

namespace weir::init {
namespace {

Result<Options> parse_with(const std::string& content, std::vector<std::string> arguments = {},
                           std::vector<std::pair<std::string, std::string>> variables = {}) {
  Environment environment = fake_environment(std::move(variables));
  environment.read_file = [content](const std::string& path) -> Result<std::string> {
    if (path == "weir.yaml" || path == "-") return content;
    return Error{"file '" + path + "': No such file or directory", 2};
  };
  arguments.insert(arguments.begin(), {"--config", "weir.yaml"});
  return parse(arguments, environment);
}

std::string refusal(const std::string& content) {
  const auto options = parse_with(content);
  EXPECT_FALSE(options) << "accepted: " << content;
  return options ? "" : options.error().message;
}

TEST(ConfigFile, YamlAndJsonSetFlagsByTheirNames) {
  for (const char* content :
       {"istio-inbound-ports: '*'\nistio-local-exclude-ports: [15090, 15021]\nenvoy-port: 16001\n"
        "dry-run: true\nISTIO_OUTBOUND_OWNER_GROUPS: [101, 202]\nproxy-uid:\n",
        R"({"istio-inbound-ports": "*", "istio-local-exclude-ports": "15090,15021",
            "envoy-port": 16001, "dry-run": true, "ISTIO_OUTBOUND_OWNER_GROUPS": "101,202",
            "proxy-uid": null})"}) {
    const auto options = parse_with(content);
    ASSERT_TRUE(options) << options.error().message;
    EXPECT_TRUE(options->config.inbound_ports.is_all());
    EXPECT_EQ(options->config.inbound_excluded_ports, *PortSet::parse("15090,15021"));
    EXPECT_EQ(options->config.outbound_port, 16001);
    EXPECT_TRUE(options->dry_run);
    EXPECT_EQ(options->config.owner_groups.included, (std::vector<std::uint32_t>{101, 202}));
    EXPECT_EQ(options->config.proxy_uids, std::vector<std::uint32_t>{1337});
  }
}

TEST(ConfigFile, TheCommandLineWinsOverTheEnvironmentAndBothOverTheFile) {
  const std::string file =
      "istio-inbound-ports: 1\nistio-outbound-ports: 2\nistio-service-cidr: 192.0.2.0/24\n";
  const auto options = parse_with(file, {"-b", "80"},
                                  {{"ISTIO_INBOUND_PORTS", "90"}, {"ISTIO_OUTBOUND_PORTS", "91"}});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->config.inbound_ports, *PortSet::parse("80"));
  EXPECT_EQ(options->config.outbound_ports, *PortSet::parse("91"));
  EXPECT_EQ(options->config.outbound_cidrs.ranges,
            std::vector<CidrRange>{*CidrRange::parse("192.0.2.0/24")});
}

TEST(ConfigFile, ABlockIsItsText) {
  const auto options = parse_with("istio-inbound-ports: >\n  80,\n  443\n");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->config.inbound_ports, *PortSet::parse("80,443"));
}

TEST(ConfigFile, AnEmptyFileSetsNothing) {
  for (const char* content : {"", "# nothing\n", "---\n", "{}", "null"}) {
    const auto options = parse_with(content);
    ASSERT_TRUE(options) << content << options.error().message;
    EXPECT_EQ(options->config, RedirectConfig{});
  }
}

TEST(ConfigFile, ErrorsHaveALineAndTheNearestName) {
  EXPECT_EQ(refusal("envoy-port: 1\nproxy-iud: 7\n"),
            "weir.yaml line 2: 'proxy-iud' is not a flag that a file can set; did you mean "
            "'proxy-uid'?");
  EXPECT_EQ(refusal("zzz: 7"), "weir.yaml line 1: 'zzz' is not a flag that a file can set");
  EXPECT_EQ(refusal("config: x"),
            "weir.yaml line 1: 'config' is not a flag that a file can set; did you mean "
            "'confirm'?");
  EXPECT_EQ(refusal("\n\nenvoy-port: 70000\n"),
            "weir.yaml line 3: envoy-port: '70000': not a port from 1 to 65535");
  EXPECT_EQ(refusal("istio-service-cidr: [192.0.2.0/24, 10.0.0.0/33]"),
            "weir.yaml line 1: istio-service-cidr: item 2: '10.0.0.0/33': prefix length '33': not "
            "a number from 0 to 32");
  EXPECT_EQ(refusal("envoy-port: {a: 1}"),
            "weir.yaml line 1: envoy-port: neither a value nor a list of values");
  EXPECT_EQ(refusal("proxy-uid: [[1]]"),
            "weir.yaml line 1: proxy-uid: an item of the list is not a value");
  EXPECT_EQ(refusal("- 1\n"), "weir.yaml line 1: not a list of 'flag: value' pairs");
}

TEST(ConfigFile, WhatIsNotOnePlainDocumentIsRefused) {
  EXPECT_EQ(refusal("a: 1\na: 2\n"), "weir.yaml line 2: 'a' is there twice");
  EXPECT_EQ(refusal("a: &x 1\n"), "weir.yaml line 1: anchors are not supported");
  EXPECT_EQ(refusal("a: *x\n").substr(0, 17), "weir.yaml line 1:");
  EXPECT_EQ(refusal("a: !!int 1\n"), "weir.yaml line 1: tags are not supported");
  EXPECT_EQ(refusal("a: 1\n---\nb: 1\n"), "weir.yaml line 2: a second document; one is allowed");
  EXPECT_EQ(refusal("proxy-uid: |\n  1\n  2\n"),
            "weir.yaml line 1: a value of several lines; write a list");
  EXPECT_EQ(refusal("{[1]: 2}"), "weir.yaml line 1: a key that is not a word");
  EXPECT_EQ(refusal(std::string(64, '[')), "weir.yaml line 1: too many values in each other");
  EXPECT_EQ(refusal("a: [1\nb: 2\n").substr(0, 37), "weir.yaml line 2: not YAML or JSON: d");
}

TEST(ConfigFile, AMissingFileIsNamedAndADashIsStandardInput) {
  const auto missing = parse({"--config", "other.yaml"}, fake_environment());
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().message.starts_with("--config: ")) << missing.error().message;
  Environment environment = fake_environment();
  environment.read_file = [](const std::string& path) -> Result<std::string> {
    if (path == "-") return std::string("envoy-port: x");
    return Error{"none"};
  };
  const auto input = parse({"--config", "-"}, environment);
  ASSERT_FALSE(input);
  EXPECT_EQ(input.error().message,
            "standard input line 1: envoy-port: 'x': not a port from 1 to 65535");
}

TEST(NearestName, FindsMisspellingsAndNothingElse) {
  constexpr std::string_view kNames[] = {"proxy-uid", "proxy-gid", "drop-invalid"};
  EXPECT_EQ(nearest_name("proxy-uidd", kNames), "proxy-uid");
  EXPECT_EQ(nearest_name("dropinvalid", kNames), "drop-invalid");
  EXPECT_EQ(nearest_name("frobnicate", kNames), "");
  EXPECT_EQ(nearest_name(std::string(100000, 'x'), kNames), "");
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace weir::init
