// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/options.hpp"

#include <initializer_list>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace weir::config {
namespace {

Result<ParsedCommandLine> parse(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv{"weir-proxy"};
  argv.insert(argv.end(), arguments);
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

ProxyOptions parsed(std::initializer_list<const char*> arguments) {
  const auto result = parse(arguments);
  EXPECT_TRUE(result) << result.error().message;
  return result ? result->options : ProxyOptions{};
}

std::string refused(std::initializer_list<const char*> arguments) {
  const auto result = parse(arguments);
  EXPECT_FALSE(result);
  return result ? "" : result.error().message;
}

TEST(Options, DefaultsAreOurs) {
  const ProxyOptions options = parsed({});
  EXPECT_TRUE(options.uses_default_config());
  EXPECT_EQ(options.mode, RunMode::serve);
  EXPECT_EQ(options.concurrency, std::nullopt);
  EXPECT_EQ(options.log_level, log::Level::info);
  EXPECT_EQ(options.drain_time, std::chrono::seconds(600));
  EXPECT_EQ(options.shutdown_drain_time, std::chrono::seconds(20));
  EXPECT_EQ(options.outbound, OutboundMode::allow_any);
  EXPECT_TRUE(options.notes.empty());
}

TEST(Options, TakesEnvoysFlags) {
  const ProxyOptions options =
      parsed({"-c", "/etc/envoy/envoy.yaml", "--config-yaml={admin: {}}", "--mode", "validate",
              "--concurrency=4", "-l", "warn", "--component-log-level", "upstream:debug,misc:error",
              "--log-path", "/tmp/log", "--drain-time-s", "45", "--service-cluster", "shop",
              "--service-node=test1", "--last-good", "/var/lib/weir"});
  EXPECT_EQ(options.last_good_directory, "/var/lib/weir");
  EXPECT_EQ(options.config_path, "/etc/envoy/envoy.yaml");
  EXPECT_EQ(options.config_yaml, "{admin: {}}");
  EXPECT_EQ(options.mode, RunMode::validate);
  EXPECT_EQ(options.concurrency, 4u);
  EXPECT_EQ(options.log_level, log::Level::warning);
  ASSERT_EQ(options.component_log_levels.size(), 1u);
  EXPECT_EQ(options.component_log_levels[0],
            std::pair(log::Component::upstream, log::Level::debug));
  EXPECT_EQ(
      options.notes,
      (std::vector<std::string>{"flag '--component-log-level': component 'misc' has no effect"}));
  EXPECT_EQ(options.log_path, "/tmp/log");
  EXPECT_EQ(options.drain_time, std::chrono::seconds(45));
  EXPECT_EQ(options.shutdown_drain_time, std::chrono::seconds(45));
  EXPECT_EQ(options.service_cluster, "shop");
  EXPECT_EQ(options.service_node, "test1");
}

TEST(Options, NotesHarmlessFlags) {
  const ProxyOptions options =
      parsed({"--disable-hot-restart", "--base-id", "7", "--drain-strategy", "immediate",
              "--stats-tag", "a:b", "--stats-tag", "c:d"});
  EXPECT_EQ(options.notes.size(), 4u);
}

TEST(Options, ZeroWorkersAreOne) { EXPECT_EQ(parsed({"--concurrency", "0"}).concurrency, 1u); }

TEST(Options, RefusesByName) {
  EXPECT_EQ(refused({"--admin-address-path", "/tmp/a"}),
            "flag '--admin-address-path': not supported: the admin address is not written to a "
            "file; configure a fixed "
            "port");
  EXPECT_EQ(refused({"--mode", "init_only"}),
            "flag '--mode': 'init_only': expected serve or validate");
  EXPECT_EQ(refused({"--outbound", "all"}),
            "flag '--outbound': 'all': expected ALLOW_ANY or REGISTRY_ONLY");
  EXPECT_EQ(refused({"--outbound", "ALLOW_ANY", "-c", "x"}),
            "flag '--outbound' concerns the built-in configuration: leave it out, or -c, "
            "--config-yaml and WEIR_DEFAULT_CONFIG");
  EXPECT_EQ(refused({"--drain-time-s", "-1"}), "flag '--drain-time-s': '-1': must be 0 to 86400");
  EXPECT_EQ(refused({"--concurrency", "1025"}),
            "flag '--concurrency': '1025': must be at most 1024");
  EXPECT_EQ(refused({"--component-log-level", "main"}),
            "flag '--component-log-level': 'main': expected COMPONENT:LEVEL");
  EXPECT_NE(refused({"--concurrency", "many"}).find("many"), std::string::npos);
  EXPECT_NE(refused({"--no-such-flag"}).find("--no-such-flag"), std::string::npos);
  EXPECT_NE(refused({"stray"}).find("stray"), std::string::npos);
  EXPECT_NE(refused({"-l", "loud"}).find("loud"), std::string::npos);
}

Result<ParsedCommandLine> parse_with(const Environment& environment,
                                     std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv{"weir-proxy"};
  argv.insert(argv.end(), arguments);
  return parse_command_line(static_cast<int>(argv.size()), argv.data(), environment);
}

TEST(Options, InboundModeIsThatOfTheFlagOrElseOfTheEnvironment) {
  EXPECT_EQ(parsed({}).inbound, InboundMode::redirect);
  EXPECT_EQ(parsed({"--inbound", "TPROXY"}).inbound, InboundMode::tproxy);
  EXPECT_EQ(parse_with({"TPROXY", ""}, {})->options.inbound, InboundMode::tproxy);
  EXPECT_EQ(parse_with({"TPROXY", ""}, {"--inbound=REDIRECT"})->options.inbound,
            InboundMode::redirect);
  EXPECT_EQ(parse_with({"REDIRECT", ""}, {})->options.inbound, InboundMode::redirect);
  const auto none = parse_with({"NONE", ""}, {});
  EXPECT_EQ(none->options.inbound, InboundMode::redirect);
  EXPECT_EQ(none->options.notes,
            (std::vector<std::string>{"ISTIO_META_INTERCEPTION_MODE: 'NONE': has no effect on the "
                                      "built-in configuration"}));
  EXPECT_EQ(parse_with({"tproxy", ""}, {}).error().message,
            "ISTIO_META_INTERCEPTION_MODE: 'tproxy': expected REDIRECT or TPROXY");
  EXPECT_EQ(refused({"--inbound", "DIVERT"}),
            "flag '--inbound': 'DIVERT': expected REDIRECT or TPROXY");
}

TEST(Options, TheMarkIsReadAsWeirInitReadsIt) {
  EXPECT_EQ(parsed({}).tproxy_mark, 1337u);
  EXPECT_EQ(parsed({"--tproxy-mark", "7"}).tproxy_mark, 7u);
  EXPECT_EQ(parsed({"--tproxy-mark", "0x539/0xfff"}).tproxy_mark, 1337u);
  EXPECT_EQ(parse_with({"", "42/0xff"}, {})->options.tproxy_mark, 42u);
  EXPECT_EQ(parse_with({"", "42"}, {"--tproxy-mark", "43"})->options.tproxy_mark, 43u);
  for (const char* wrong : {"0", "x", "12x", "0x", "4294967296", "-1", "/0xfff"})
    EXPECT_EQ(parse_with({"", wrong}, {}).error().message,
              "ISTIO_INBOUND_TPROXY_MARK: '" + std::string(wrong) + "': expected 1 to 4294967295");
}

TEST(Options, AConfigurationDecidesAloneHowInboundConnectionsCome) {
  EXPECT_EQ(refused({"--inbound", "TPROXY", "-c", "x"}),
            "flag '--inbound' concerns the built-in configuration: leave it out, or -c, "
            "--config-yaml and WEIR_DEFAULT_CONFIG");
  EXPECT_EQ(refused({"--tproxy-mark", "5", "--config-yaml", "{}"}),
            "flag '--tproxy-mark' concerns the built-in configuration: leave it out, or -c, "
            "--config-yaml and WEIR_DEFAULT_CONFIG");
  const auto injected = parse_with({"TPROXY", "nonsense"}, {"-c", "x"});  // Istio sets it always
  ASSERT_TRUE(injected);
  EXPECT_TRUE(injected->options.notes.empty());
}

TEST(Options, TheDefaultConfigurationIsThatOfTheEnvironment) {
  Environment environment;
  environment.default_config = "/etc/envoy/envoy.yaml";
  const auto found = parse_with(environment, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->options.config_path, "/etc/envoy/envoy.yaml");
  EXPECT_EQ(found->options.notes,
            (std::vector<std::string>{
                "WEIR_DEFAULT_CONFIG: the configuration is '/etc/envoy/envoy.yaml'"}));
  EXPECT_EQ(parse_with(environment, {"-c", "mine"})->options.config_path, "mine");
  EXPECT_TRUE(parse_with(environment, {"--config-yaml", "{}"})->options.config_path.empty());
  EXPECT_FALSE(parse_with(environment, {"--outbound", "ALLOW_ANY"}))
      << "a file decides alone, however it was found";
}

TEST(Options, HowLongInboundListenersGoOn) {
  using std::chrono::milliseconds;
  EXPECT_EQ(parsed({}).termination_drain, milliseconds(0));
  for (const auto& [text, expected] : {std::pair("0", 0),
                                       {"5", 5000},
                                       {"5s", 5000},
                                       {"1m30s", 90'000},
                                       {"250ms", 250},
                                       {"1.5s", 1500},
                                       {"24h", 86'400'000}})
    EXPECT_EQ(parsed({"--termination-drain-s", text}).termination_drain, milliseconds(expected))
        << text;
  Environment environment;
  environment.termination_drain = "7";
  EXPECT_EQ(parse_with(environment, {})->options.termination_drain, milliseconds(7000));
  EXPECT_EQ(parse_with(environment, {"--termination-drain-s=2s"})->options.termination_drain,
            milliseconds(2000));
  for (const char* wrong : {"-1", "x", "5 s", "5d", "s", "1.2.3", "5s5", "1e3", "25h", "nan", "."})
    EXPECT_EQ(refused({"--termination-drain-s", wrong}),
              "flag '--termination-drain-s': '" + std::string(wrong) +
                  "': expected seconds, or a duration as 5s, up to a day");
}

TEST(Options, TheApplicationIsWaitedForWhenAskedTo) {
  EXPECT_FALSE(parsed({}).outlive_application);
  const auto outlives = parsed({"--outlive-application"});
  EXPECT_TRUE(outlives.outlive_application && !outlives.exit_after_application);
  const auto ends = parsed({"--exit-after-application"});
  EXPECT_TRUE(ends.outlive_application && ends.exit_after_application);
}

TEST(Options, OnlyAFileThatIsThereIsTheDefaultConfiguration) {
  ASSERT_EQ(setenv("WEIR_DEFAULT_CONFIG", "/proc/self/no-such-file", 1), 0);
  EXPECT_EQ(Environment::of_this_process().default_config, "");
  ASSERT_EQ(setenv("WEIR_DEFAULT_CONFIG", "/proc/self/status", 1), 0);
  EXPECT_EQ(Environment::of_this_process().default_config, "/proc/self/status");
  unsetenv("WEIR_DEFAULT_CONFIG");
}

TEST(Options, PrintsHelpAndVersion) {
  const auto help = parse({"--help"});
  ASSERT_TRUE(help && help->text);
  EXPECT_NE(help->text->find("--drain-time-s"), std::string::npos);
  EXPECT_EQ(help->text->find("--base-id"), std::string::npos);
  const auto version = parse({"--version"});
  ASSERT_TRUE(version && version->text);
  EXPECT_EQ(*version->text, "weir-proxy " WEIR_VERSION "\n");
}

}  // namespace
}  // namespace weir::config
