// SPDX-License-Identifier: Apache-2.0
// weir-proxy: command line → configuration → server.
#include <chrono>
#include <cstdio>
#include <string>

#include "common/log.hpp"
#include "proxy/config/bootstrap.hpp"
#include "proxy/config/options.hpp"
#include "proxy/config_dump/server_dump.hpp"
#include "proxy/discovery/live_configuration.hpp"
#include "proxy/discovery/load_files.hpp"
#include "proxy/filters/builtin.hpp"
#include "proxy/listener/filter_chain_matcher.hpp"
#include "proxy/server/machine.hpp"
#include "proxy/server/server.hpp"

namespace weir {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

int fail(int code, const std::string& message) {
  std::fprintf(stderr, "weir-proxy: %s\n", message.c_str());
  return code;
}

Result<void> check_listener(const config::ListenerConfig& listener) {
  TRY([[maybe_unused]] auto matcher, listener::FilterChainMatcher::build(listener));
  return {};
}

admin::CommandLineOptions shown_options(const config::ProxyOptions& options) {
  return {.concurrency = options.concurrency.value_or(server::granted_processors()),
          .config_path = options.config_path,
          .config_yaml = options.config_yaml,
          .log_level = std::string(log::to_string(options.log_level)),
          .log_path = options.log_path,
          .mode = options.mode == config::RunMode::validate ? "Validate" : "Serve",
          .service_cluster = options.service_cluster,
          .service_node = options.service_node,
          .drain_time = options.drain_time,
          .shutdown_drain_time = options.shutdown_drain_time,
          .termination_drain = options.termination_drain,
          .outlive_application = options.outlive_application,
          .exit_after_application = options.exit_after_application,
          .take_over = options.take_over};
}

Result<void> start_log(const config::ProxyOptions& options) {
  TRY_VOID(log::start(options.log_level, options.log_path));
  for (const auto& [component, level] : options.component_log_levels)
    log::set_level(component, level);
  return {};
}

int run(const config::ProxyOptions& options, std::chrono::steady_clock::time_point started) {
  if (auto logging = start_log(options); !logging)
    return fail(kExitFailure, logging.error().message);
  for (const std::string& note : options.notes) log::warning(log::Component::config, "{}", note);

  const config::FilterRegistry registry = filters::builtin_filters();
  config::Diagnostics diagnostics;
  auto snapshot = config::load_snapshot(config::bootstrap_source(options), registry, check_listener,
                                        diagnostics);
  for (const auto& diagnostic : diagnostics.all())
    if (diagnostic.severity == config::Severity::warning)
      log::warning(log::Component::config, "{}", diagnostic.to_string());
  if (!snapshot) {
    const std::string errors = diagnostics.to_string(config::Severity::error);
    if (!errors.empty()) std::fprintf(stderr, "%s\n", errors.c_str());
    return fail(kExitFailure, snapshot.error().message);
  }
  if (options.mode == config::RunMode::validate) {
    std::printf("configuration OK: %zu listeners, %zu clusters\n", (*snapshot)->listeners.size(),
                (*snapshot)->clusters.size());
    return kExitOk;
  }
  discovery::ResourceStore store(*std::move(snapshot), registry, check_listener);
  discovery::load_files(store);
  server::Server server(store.snapshot(), shown_options(options), started);
  if (auto prepared = server.prepare(); !prepared)
    return fail(kExitFailure, prepared.error().message);
  config_dump::serve_config_dump(store, server);
  discovery::LiveConfiguration live(store, server);
  if (!options.last_good_directory.empty()) live.keep_last_good(options.last_good_directory);
  if (auto following = live.start(); !following)
    return fail(kExitFailure, following.error().message);
  if (auto served = server.run(); !served) return fail(kExitFailure, served.error().message);
  return kExitOk;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  const auto started = std::chrono::steady_clock::now();
  const auto command_line =
      weir::config::parse_command_line(argc, argv, weir::config::Environment::of_this_process());
  if (!command_line) return weir::fail(weir::kExitUsage, command_line.error().message);
  if (command_line->text) {
    std::fputs(command_line->text->c_str(), stdout);
    return weir::kExitOk;
  }
  return weir::run(command_line->options, started);
}
