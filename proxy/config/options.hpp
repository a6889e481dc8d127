// SPDX-License-Identifier: Apache-2.0
// weir-proxy's command line, as a value.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/log.hpp"
#include "common/ports.hpp"
#include "common/result.hpp"

namespace weir::config {

/// --mode. validate reads the configuration, says what is wrong with it, and opens no socket.
enum class RunMode : std::uint8_t { serve, validate };
/// --outbound, of the built-in configuration: where connections go that no listener owns.
enum class OutboundMode : std::uint8_t { allow_any, registry_only };
/// --inbound, of the built-in configuration: how weir-init brings inbound connections here. tproxy:
/// transparent sockets, and the application sees the client's address.
enum class InboundMode : std::uint8_t { redirect, tproxy };

struct ProxyOptions {
  std::string config_path;                   // -c, --config-path, or WEIR_DEFAULT_CONFIG
  std::string config_yaml;                   // --config-yaml
  bool allow_unknown_static_fields = false;  // --allow-unknown-static-fields: they become warnings
  RunMode mode = RunMode::serve;
  std::optional<unsigned>
      concurrency;  // --concurrency, ≥ 1; nullopt = the CPUs that the cgroup grants
  log::Level log_level = log::Level::info;
  std::vector<std::pair<log::Component, log::Level>> component_log_levels;
  std::string log_path;             // --log-path; "" = standard error
  std::string last_good_directory;  // --last-good; "" = no copy of what control planes say is kept
  // --drain-time-s gives both.
  std::chrono::seconds drain_time{600};          // after a change of the configuration
  std::chrono::seconds shutdown_drain_time{20};  // after SIGTERM: within a Pod's grace period
  /// --termination-drain-s, or TERMINATION_DRAIN_DURATION_SECONDS: inbound listeners go on so long
  /// after SIGTERM.
  std::chrono::milliseconds termination_drain{0};
  bool take_over = false;               // --take-over
  bool outlive_application = false;     // --outlive-application or --exit-after-application
  bool exit_after_application = false;  // --exit-after-application
  std::string service_cluster;
  std::string service_node;
  OutboundMode outbound = OutboundMode::allow_any;
  InboundMode inbound = InboundMode::redirect;
  std::uint32_t tproxy_mark = kTproxyMark;  // --tproxy-mark
  std::vector<std::string> notes;           // what was accepted and does nothing, for the log

  /// Neither a file nor text: the built-in configuration is meant.
  [[nodiscard]] bool uses_default_config() const {
    return config_path.empty() && config_yaml.empty();
  }
};

/// What the command line asks for: to run, or to print `text` on standard output and exit 0.
struct ParsedCommandLine {
  ProxyOptions options;
  std::optional<std::string> text;  // --help, --version
};

/// What of the environment is looked at; a flag wins. Empty = not set.
struct Environment {
  // Of the built-in configuration.
  std::string inbound;            // ISTIO_META_INTERCEPTION_MODE, as Istio's injector sets it
  std::string tproxy_mark;        // ISTIO_INBOUND_TPROXY_MARK, as weir-init reads it
  std::string termination_drain;  // TERMINATION_DRAIN_DURATION_SECONDS, as Istio sets it
  std::string default_config;     // WEIR_DEFAULT_CONFIG, where there is such a file
  static Environment of_this_process();
};

/// Flags are Envoy's, with `--flag value` and `--flag=value`. Those of Envoy's that Weir does
/// without are accepted when they are harmless and refused by name when they are not. Error =
/// usage, exit code 2.
Result<ParsedCommandLine> parse_command_line(int argc, const char* const* argv,
                                             const Environment& environment = {});

}  // namespace weir::config
