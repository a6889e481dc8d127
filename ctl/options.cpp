// SPDX-License-Identifier: Apache-2.0
#include "ctl/options.hpp"

#include <charconv>
#include <map>

#include <CLI/CLI.hpp>

#include "inject/containers.hpp"

namespace weir::ctl {
namespace {

constexpr const char* kInjectExamples = R"(Examples:
  weirctl inject -f shop.yaml | kubectl apply -f -
  kubectl get deployment shop -o json | weirctl inject --control weir-control.weir:15010 | kubectl apply -f -
  weirctl inject -f manifests/ --config-map weir-envoy > injected.yaml
Exit codes: 0 done, 1 refused or not readable (nothing is printed then), 2 usage.)";

constexpr const char* kUninjectExamples = R"(Example:
  kubectl get deployment shop -o json | weirctl uninject | kubectl apply -f -)";

constexpr const char* kWaitExamples = R"(Examples:
  weirctl wait                    for postStart: the next container starts when the proxy serves
  weirctl wait --timeout 1s       for probes
Exit codes: 0 LIVE, 1 not in time, 2 usage.)";

constexpr const char* kDrainExamples = R"(Example:
  weirctl drain                   for preStop of a native sidecar, which is ended after the application
Exit codes: 0 begun, 1 the proxy did not say so, 2 usage.)";

struct Texts {
  std::string output, policy, admin, timeout, interval;
};

void add_files(CLI::App& app, Options& options, Texts& texts) {
  app.add_option("-f,--filename", options.files,
                 "file, directory of *.yaml, *.yml and *.json, or - for standard input [-]")
      ->allow_extra_args(false);
  app.add_option("-o,--output", texts.output,
                 "yaml, json, or patch for a JSON patch [as the input]");
}

void add_inject_flags(CLI::App& app, Options& options, Texts& texts) {
  inject::InjectOptions& inject = options.inject;
  app.add_option("--init-image", inject.init_image, "image of weir-init")->capture_default_str();
  app.add_option("--proxy-image", inject.proxy_image, "image of weir-proxy")->capture_default_str();
  app.add_option("--image-pull-policy", inject.image_pull_policy,
                 "of both containers [Kubernetes' default]")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}));
  app.add_option("--native-sidecar", inject.native_sidecar,
                 "an init container that restarts (Kubernetes 1.29 and later); false: one of the "
                 "containers")
      ->capture_default_str();
  app.add_option(
      "--policy", texts.policy,
      "whether Pods are injected that do not say anything: enabled or disabled [enabled]");
  app.add_option("--config-map", inject.config_map,
                 "ConfigMap whose key envoy.yaml is the proxy's configuration");
  app.add_option("--control", inject.control,
                 "HOST:PORT of a control plane, such as weir-control, that configures the proxy");
  app.add_option("--proxy-cpu", inject.proxy_cpu, "what the proxy requests")->capture_default_str();
  app.add_option("--proxy-memory", inject.proxy_memory, "the same")->capture_default_str();
  app.add_option("--proxy-cpu-limit", inject.proxy_cpu_limit, "what it may use [no limit]");
  app.add_option("--proxy-memory-limit", inject.proxy_memory_limit, "the same")
      ->capture_default_str();
  app.add_option("--termination-drain-s", inject.termination_drain_s,
                 "seconds in which inbound connections end when the Pod does")
      ->capture_default_str();
}

Result<std::chrono::milliseconds> parse_time(const char* flag, const std::string& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, ec] = std::from_chars(text.data(), end, number);
  const std::string_view unit(at, static_cast<std::size_t>(end - at));
  const double factor = unit == "ms" ? 1 : unit == "s" ? 1e3 : unit == "m" ? 6e4 : 0;
  if (ec != std::errc{} || factor == 0 || !(number > 0) || number * factor > 864e5 ||
      number * factor < 1)
    return Error{std::string(flag) + " '" + text +
                 "': expected a duration such as 500ms, 1s or 2m"};
  return std::chrono::milliseconds(static_cast<std::int64_t>(number * factor));
}

Result<void> read_texts(const Texts& texts, Options& options) {
  static const std::map<std::string, inject::Output> kOutputs{
      {"", inject::Output::as_input},
      {"yaml", inject::Output::yaml},
      {"json", inject::Output::json},
      {"patch", inject::Output::json_patch}};
  const auto output = kOutputs.find(texts.output);
  if (output == kOutputs.end())
    return Error{"--output '" + texts.output + "': expected yaml, json or patch"};
  options.output = output->second;
  if (!texts.policy.empty() && texts.policy != "enabled" && texts.policy != "disabled")
    return Error{"--policy '" + texts.policy + "': expected enabled or disabled"};
  if (texts.policy == "disabled") options.inject.policy = inject::Policy::disabled;
  const inject::InjectOptions& inject = options.inject;
  if (!inject.control.empty() && !inject::is_host_and_port(inject.control))
    return Error{"--control '" + inject.control + "': expected HOST:PORT"};
  if (!inject.control.empty() && !inject.config_map.empty())
    return Error{"--control '" + inject.control + "': excludes --config-map; give one of them"};
  if (!texts.admin.empty()) {
    TRY(options.wait.admin, Endpoint::parse(texts.admin));
    options.drain.admin = options.wait.admin;
  }
  if (!texts.timeout.empty()) {
    TRY(options.wait.timeout, parse_time("--timeout", texts.timeout));
    options.drain.timeout = options.wait.timeout;
  }
  if (!texts.interval.empty()) {
    TRY(options.wait.interval, parse_time("--interval", texts.interval));
  }
  if (options.files.empty()) options.files.emplace_back("-");
  return {};
}

}  // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CommandLine out;
  Options& options = out.options;
  Texts texts;
  CLI::App app{"Puts Weir into Pods, waits for it, and tells it of their end."};
  app.name("weirctl");
  app.set_version_flag("--version", "weirctl " WEIR_VERSION);
  app.require_subcommand(1);
  CLI::App* inject =
      app.add_subcommand("inject", "adds weir-init and weir-proxy to the Pods of manifests");
  add_files(*inject, options, texts);
  add_inject_flags(*inject, options, texts);
  inject->footer(kInjectExamples);
  CLI::App* uninject = app.add_subcommand("uninject", "takes out what inject has added");
  add_files(*uninject, options, texts);
  uninject->footer(kUninjectExamples);
  CLI::App* wait = app.add_subcommand("wait", "returns when a weir-proxy is ready");
  wait->add_option("--admin", texts.admin, "its admin server [127.0.0.1:15000]");
  wait->add_option("--timeout", texts.timeout, "how long to wait at most [60s]");
  wait->add_option("--interval", texts.interval, "how long between two questions [100ms]");
  wait->footer(kWaitExamples);
  CLI::App* drain = app.add_subcommand(
      "drain", "tells a weir-proxy that its Pod ends: it serves on, and sends connections away");
  drain->add_option("--admin", texts.admin, "its admin server [127.0.0.1:15000]");
  drain->add_option("--timeout", texts.timeout, "how long to wait for its answer at most [5s]");
  drain->footer(kDrainExamples);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out.text = app.help();
    return out;
  } catch (const CLI::CallForVersion&) {
    out.text = std::string("weirctl " WEIR_VERSION "\n");
    return out;
  } catch (const CLI::ParseError& problem) {
    return Error{std::string(problem.what()) + "; see --help"};
  }
  if (app.got_subcommand(uninject)) options.command = Command::uninject;
  if (app.got_subcommand(wait)) options.command = Command::wait;
  if (app.got_subcommand(drain)) options.command = Command::drain;
  TRY_VOID(read_texts(texts, options));
  return out;
}

}  // namespace weir::ctl
