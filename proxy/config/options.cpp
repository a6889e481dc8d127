// SPDX-License-Identifier: Apache-2.0
#include "proxy/config/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <unistd.h>

namespace weir::config {
namespace {

constexpr const char* kDescription =
    "weir-proxy takes the connections that weir-init redirects, recovers where they were going, "
    "and proxies them.\n"
    "It reads Envoy v3 configuration; without any it passes outbound and inbound connections "
    "through.";
constexpr unsigned kMostWorkers = 1024;
constexpr int kMostDrainSeconds = 86400;

/// Flags of Envoy's that change nothing that Weir does.
struct HarmlessFlag {
  const char* name;
  bool takes_value;
};
constexpr std::array kHarmless{
    HarmlessFlag{"--base-id", true},
    HarmlessFlag{"--use-dynamic-base-id", false},
    HarmlessFlag{"--restart-epoch", true},
    HarmlessFlag{"--disable-hot-restart", false},
    HarmlessFlag{"--skip-hot-restart-on-no-parent", false},
    HarmlessFlag{"--skip-hot-restart-parent-stats", false},
    HarmlessFlag{"--parent-shutdown-time-s", true},
    HarmlessFlag{"--socket-path", true},
    HarmlessFlag{"--socket-mode", true},
    HarmlessFlag{"--drain-strategy", true},
    HarmlessFlag{"--local-address-ip-version", true},
    HarmlessFlag{"--file-flush-interval-msec", true},
    HarmlessFlag{"--file-flush-min-size-kb", true},
    HarmlessFlag{"--log-format", true},
    HarmlessFlag{"--log-format-escaped", false},
    HarmlessFlag{"--log-format-prefix-with-location", true},
    HarmlessFlag{"--enable-fine-grain-logging", false},
    HarmlessFlag{"--skip-deprecated-logs", false},
    HarmlessFlag{"--enable-mutex-tracing", false},
    HarmlessFlag{"--enable-core-dump", false},
    HarmlessFlag{"--cpuset-threads", false},
    HarmlessFlag{"--reject-unknown-dynamic-fields", false},
    HarmlessFlag{"--ignore-unknown-dynamic-fields", false},
    HarmlessFlag{"--service-zone", true},
    HarmlessFlag{"--stats-tag", true},
};

/// Flags of Envoy's that promise something that Weir does not do.
struct RefusedFlag {
  std::string_view name;
  std::string_view reason;
};
constexpr std::array kRefused{
    RefusedFlag{"--admin-address-path",
                "the admin address is not written to a file; configure a fixed port"},
    RefusedFlag{"--base-id-path",
                "no base id is needed; --take-over finds the proxy that runs by its admin port"},
    RefusedFlag{"--hot-restart-version",
                "what a restart hands over has no version of Envoy's; see --take-over"},
    RefusedFlag{"--disable-extensions", "filters cannot be switched off"},
    RefusedFlag{"--config-proto",
                "configuration is read as YAML or JSON; use --config-path or --config-yaml"},
    RefusedFlag{"--bootstrap-version", "only version 3 of Envoy's configuration is read"},
};

/// Texts as given, before they mean anything.
struct Raw {
  ProxyOptions options;
  std::string mode = "serve";
  std::string level = "info";
  std::string component_levels;
  std::string outbound;
  std::string inbound;
  std::string tproxy_mark;
  std::optional<unsigned> concurrency;
  std::optional<int> drain_seconds;
  std::string termination_drain;
  bool version = false;
};

void add_flags(CLI::App& app, Raw& raw) {
  app.set_help_flag("-h,--help", "Print this text and exit");
  app.add_flag("--version", raw.version, "Print the version and exit");
  app.add_option("-c,--config-path", raw.options.config_path,
                 "Bootstrap configuration: a YAML or JSON file (WEIR_DEFAULT_CONFIG if that file "
                 "exists, else a built-in configuration)");
  app.add_option("--config-yaml", raw.options.config_yaml,
                 "Bootstrap configuration as text, merged over that of --config-path");
  app.add_flag("--allow-unknown-static-fields", raw.options.allow_unknown_static_fields,
               "Warn of unknown fields instead of refusing them");
  app.add_option("--mode", raw.mode,
                 "serve, or validate: check the configuration and exit (serve)");
  app.add_option(
      "--outbound", raw.outbound,
      "Built-in configuration: ALLOW_ANY passes connections to unknown destinations through, "
      "REGISTRY_ONLY drops them (ALLOW_ANY)");
  app.add_option(
      "--inbound", raw.inbound,
      "Built-in configuration: REDIRECT, or TPROXY, which keeps the client's address for "
      "the application; as weir-init -m (REDIRECT, or ISTIO_META_INTERCEPTION_MODE)");
  app.add_option("--tproxy-mark", raw.tproxy_mark,
                 "Built-in configuration: mark of connections that keep the client's address; as "
                 "weir-init -t (1337, or ISTIO_INBOUND_TPROXY_MARK)");
  app.add_option("--concurrency", raw.concurrency,
                 "Worker threads (the CPUs that the cgroup grants)");
  app.add_option("-l,--log-level", raw.level,
                 "trace, debug, info, warning, error, critical or off (info)");
  app.add_option("--component-log-level", raw.component_levels,
                 "Levels by component, as main:debug,upstream:trace");
  app.add_option("--log-path", raw.options.log_path, "File to append the log to (standard error)");
  app.add_option("--last-good", raw.options.last_good_directory,
                 "Directory for a copy of what control planes have said: after a restart it serves "
                 "until they answer (no copy)");
  app.add_option(
      "--drain-time-s", raw.drain_seconds,
      "Seconds that connections get to end by themselves when their listener has changed "
      "or gone (600), and after SIGTERM (20)");
  app.add_option(
      "--termination-drain-s", raw.termination_drain,
      "Seconds, or a duration as 5s, that inbound listeners go on after SIGTERM, for "
      "clients that do not know of it yet, less the time since POST /healthcheck/fail (0, or "
      "TERMINATION_DRAIN_DURATION_SECONDS)");
  app.add_flag("--take-over", raw.options.take_over,
               "Take the listening sockets of the weir-proxy that runs in this network namespace "
               "with the same user and admin port, if there is one; it then drains and exits");
  app.add_flag("--outlive-application", raw.options.outlive_application,
               "After SIGTERM serve outbound connections until the application has ended, at most "
               "for --drain-time-s (then 600)");
  app.add_flag("--exit-after-application", raw.options.exit_after_application,
               "As --outlive-application; and where the Pod's containers share a process "
               "namespace, exit 2 s after the application, for Pods that end by themselves");
  app.add_option("--service-cluster", raw.options.service_cluster,
                 "Replaces node.cluster of the configuration");
  app.add_option("--service-node", raw.options.service_node,
                 "Replaces node.id of the configuration");
}

/// Flags without effect hide from --help and leave a note.
void add_harmless_flags(CLI::App& app, ProxyOptions& options) {
  for (const HarmlessFlag& flag : kHarmless) {
    const auto note = [&options, name = flag.name] {
      options.notes.push_back(std::string("flag '") + name + "' has no effect");
    };
    if (flag.takes_value)
      app.add_option_function<std::vector<std::string>>(flag.name, [note](const auto&) { note(); })
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
          ->group("");
    else
      app.add_flag_function(flag.name, [note](std::int64_t) { note(); })->group("");
  }
}

/// Refused flags are looked for first: their reason beats any other complaint.
Result<void> check_refused(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word(argv[i]);
    const std::string_view name = word.substr(0, word.find('='));
    for (const RefusedFlag& flag : kRefused)
      if (name == flag.name)
        return Error{"flag '" + std::string(name) +
                     "': not supported: " + std::string(flag.reason)};
  }
  return {};
}

Result<void> read_component_levels(std::string_view text, ProxyOptions& options) {
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    const std::size_t colon = item.find(':');
    if (colon == std::string_view::npos)
      return Error{"flag '--component-log-level': '" + std::string(item) +
                   "': expected COMPONENT:LEVEL"};
    TRY(const log::Level level, log::parse_level(item.substr(colon + 1)));
    const std::string_view name = item.substr(0, colon);
    const auto at = std::find(log::kComponentNames.begin(), log::kComponentNames.end(), name);
    if (at == log::kComponentNames.end())
      options.notes.push_back("flag '--component-log-level': component '" + std::string(name) +
                              "' has no effect");
    else
      options.component_log_levels.emplace_back(
          static_cast<log::Component>(at - log::kComponentNames.begin()), level);
  }
  return {};
}

Result<void> read_words(const Raw& raw, ProxyOptions& options) {
  if (raw.mode == "validate")
    options.mode = RunMode::validate;
  else if (raw.mode != "serve")
    return Error{"flag '--mode': '" + raw.mode + "': expected serve or validate"};
  if (raw.outbound == "REGISTRY_ONLY")
    options.outbound = OutboundMode::registry_only;
  else if (!raw.outbound.empty() && raw.outbound != "ALLOW_ANY")
    return Error{"flag '--outbound': '" + raw.outbound + "': expected ALLOW_ANY or REGISTRY_ONLY"};
  return {};
}

/// A text and where it is from.
struct Given {
  std::string_view source;
  std::string_view text;
};

Given flag_or_variable(std::string_view flag, const std::string& given, std::string_view variable,
                       const std::string& value) {
  return given.empty() ? Given{variable, value} : Given{flag, given};
}

Error unexpected(const Given& given, std::string_view expected) {
  return Error{std::string(given.source) + ": '" + std::string(given.text) + "': expected " +
               std::string(expected)};
}

Result<void> read_inbound(const Given& given, ProxyOptions& options) {
  if (given.text == "TPROXY")
    options.inbound = InboundMode::tproxy;
  else if (given.text == "NONE")
    options.notes.push_back(std::string(given.source) +
                            ": 'NONE': has no effect on the built-in configuration");
  else if (!given.text.empty() && given.text != "REDIRECT")
    return unexpected(given, "REDIRECT or TPROXY");
  return {};
}

/// Seconds, or numbers with units as Go writes a duration: 5, 5s, 1m30s, 1.5s, 250ms.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits{
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
  double sum = 0;
  bool whole = text.find_first_not_of("0123456789") == std::string_view::npos;
  if (text.empty() || text.find_first_not_of("0123456789.hms") != std::string_view::npos)
    return std::nullopt;
  while (!text.empty()) {
    double number = 0;
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [text](const auto& known) {
      return text.starts_with(known.first);
    });
    if (unit == kUnits.end() && !std::exchange(whole, false)) return std::nullopt;
    sum += number * (unit == kUnits.end() ? 1000 : unit->second);
    if (unit != kUnits.end()) text.remove_prefix(unit->first.size());
  }
  if (sum > kMostDrainSeconds * 1000.0) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(sum));
}

Result<void> read_termination_drain(const Given& given, ProxyOptions& options) {
  if (given.text.empty()) return {};
  const auto duration = parse_duration(given.text);
  if (!duration) return unexpected(given, "seconds, or a duration as 5s, up to a day");
  options.termination_drain = *duration;
  return {};
}

/// MARK, or MARK/MASK as weir-init has it: the mask is the rules' affair.
Result<void> read_tproxy_mark(const Given& given, ProxyOptions& options) {
  if (given.text.empty()) return {};
  std::string_view digits = given.text.substr(0, given.text.find('/'));
  const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
  if (hexadecimal) digits.remove_prefix(2);
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] =
      std::from_chars(digits.data(), end, options.tproxy_mark, hexadecimal ? 16 : 10);
  if (error != std::errc{} || rest != end || options.tproxy_mark == 0)
    return unexpected(given, "1 to 4294967295");
  return {};
}

/// Images name the place where a configuration is mounted, if there is one.
void read_default_config(const Environment& environment, ProxyOptions& options) {
  if (!options.uses_default_config() || environment.default_config.empty()) return;
  options.config_path = environment.default_config;
  options.notes.push_back("WEIR_DEFAULT_CONFIG: the configuration is '" +
                          environment.default_config + "'");
}

Result<void> read_built_in(const Raw& raw, const Environment& environment, ProxyOptions& options) {
  if (!options.uses_default_config()) {
    for (const auto& [flag, text] :
         {std::pair("--outbound", &raw.outbound), std::pair("--inbound", &raw.inbound),
          std::pair("--tproxy-mark", &raw.tproxy_mark)})
      if (!text->empty())
        return Error{"flag '" + std::string(flag) +
                     "' concerns the built-in configuration: leave it out, or -c, --config-yaml "
                     "and WEIR_DEFAULT_CONFIG"};
    return {};
  }
  TRY_VOID(read_inbound(flag_or_variable("flag '--inbound'", raw.inbound,
                                         "ISTIO_META_INTERCEPTION_MODE", environment.inbound),
                        options));
  return read_tproxy_mark(flag_or_variable("flag '--tproxy-mark'", raw.tproxy_mark,
                                           "ISTIO_INBOUND_TPROXY_MARK", environment.tproxy_mark),
                          options);
}

Result<ProxyOptions> options_from_raw(const Raw& raw, const Environment& environment) {
  ProxyOptions options = raw.options;
  TRY_VOID(read_words(raw, options));
  options.outlive_application |= options.exit_after_application;
  read_default_config(environment, options);
  TRY_VOID(read_built_in(raw, environment, options));
  TRY(options.log_level, log::parse_level(raw.level));
  TRY_VOID(read_component_levels(raw.component_levels, options));
  TRY_VOID(read_termination_drain(
      flag_or_variable("flag '--termination-drain-s'", raw.termination_drain,
                       "TERMINATION_DRAIN_DURATION_SECONDS", environment.termination_drain),
      options));
  if (raw.concurrency) {
    if (*raw.concurrency > kMostWorkers)
      return Error{"flag '--concurrency': '" + std::to_string(*raw.concurrency) +
                   "': must be at most 1024"};
    options.concurrency = std::max(1u, *raw.concurrency);  // Envoy too runs one worker for 0
  }
  if (raw.drain_seconds) {
    if (*raw.drain_seconds < 0 || *raw.drain_seconds > kMostDrainSeconds)
      return Error{"flag '--drain-time-s': '" + std::to_string(*raw.drain_seconds) +
                   "': must be 0 to 86400"};
    options.drain_time = options.shutdown_drain_time = std::chrono::seconds(*raw.drain_seconds);
  } else if (options.outlive_application) {
    options.shutdown_drain_time = options.drain_time;  // the Pod's grace period ends it
  }
  return options;
}

}  // namespace

Environment Environment::of_this_process() {
  const auto value = [](const char* name) {
    const char* const text = std::getenv(name);
    return std::string(text != nullptr ? text : "");
  };
  std::string default_config = value("WEIR_DEFAULT_CONFIG");
  if (access(default_config.c_str(), F_OK) != 0) default_config.clear();
  return {.inbound = value("ISTIO_META_INTERCEPTION_MODE"),
          .tproxy_mark = value("ISTIO_INBOUND_TPROXY_MARK"),
          .termination_drain = value("TERMINATION_DRAIN_DURATION_SECONDS"),
          .default_config = std::move(default_config)};
}

Result<ParsedCommandLine> parse_command_line(int argc, const char* const* argv,
                                             const Environment& environment) {
  TRY_VOID(check_refused(argc, argv));
  CLI::App app(kDescription, "weir-proxy");
  Raw raw;
  try {
    add_flags(app, raw);
    add_harmless_flags(app, raw.options);
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return ParsedCommandLine{{}, app.help()};
  } catch (const CLI::Error& problem) {
    return Error{std::string("command line: ") + problem.what() + "; see --help"};
  }
  if (raw.version) return ParsedCommandLine{{}, "weir-proxy " WEIR_VERSION "\n"};
  TRY(ProxyOptions options, options_from_raw(raw, environment));
  return ParsedCommandLine{std::move(options), std::nullopt};
}

}  // namespace weir::config
