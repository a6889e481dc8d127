// SPDX-License-Identifier: Apache-2.0
#include "control/options.hpp"

#include <map>

#include <CLI/CLI.hpp>

namespace weir::control {
namespace {

struct Texts {
  std::string admin, level, type, webhook, on_refusal;
  WebhookOptions webhook_options;
};

void add_flags(CLI::App& app, Options& options, Texts& texts) {
  app.set_version_flag("--version", "weir-control " WEIR_VERSION);
  app.add_option("DIR", options.directory,
                 "directory of *.yaml and *.json: Envoy resources, ServiceEntry, Service, "
                 "EndpointSlice, VirtualService, DestinationRule, meshConfig");
  app.add_option("--listen", options.listen, "address of the gRPC server")->capture_default_str();
  app.add_option("--admin", texts.admin, "address of the admin port, or of the one to ask");
  app.add_option("--drain-s", options.drain_s,
                 "seconds from SIGTERM in which everything goes on, while clients learn of it")
      ->check(CLI::Range(0U, 3600U));
  app.add_option("-l,--log-level", texts.level, "trace, debug, info, warning, error, off");
}

void add_webhook_flags(CLI::App& app, Texts& texts) {
  WebhookOptions& webhook = texts.webhook_options;
  app.add_option("--webhook", texts.webhook,
                 "address of a mutating admission webhook that injects Pods: POST /inject");
  app.add_option("--webhook-certificate", webhook.files.certificate,
                 "its certificate (PEM, with chain)");
  app.add_option("--webhook-key", webhook.files.key, "the key of that certificate (PEM)");
  app.add_option("--webhook-on-refusal", texts.on_refusal,
                 "a Pod that cannot be injected: deny, allow-with-warning")
      ->check(CLI::IsMember({"deny", "allow-with-warning"}));
}

/// Those of `weirctl inject`, for Pods that do not say otherwise.
void add_injection_flags(CLI::App& app, inject::InjectOptions& inject) {
  const auto add = [&](const char* name, std::string& value, const char* text) {
    return app.add_option(name, value, text)->capture_default_str()->take_last();
  };
  add("--webhook-init-image", inject.init_image, "image of the init container that is injected");
  add("--webhook-proxy-image", inject.proxy_image, "image of the proxy that is injected");
  add("--webhook-image-pull-policy", inject.image_pull_policy, "Always, IfNotPresent or Never")
      ->check(CLI::IsMember({"Always", "IfNotPresent", "Never"}));
  add("--webhook-config-map", inject.config_map,
      "ConfigMap of the Pod's namespace whose envoy.yaml the proxy reads");
  add("--webhook-control", inject.control, "HOST:PORT of the control plane that proxies ask");
  add("--webhook-proxy-cpu", inject.proxy_cpu, "what the proxy asks for");
  add("--webhook-proxy-memory", inject.proxy_memory, "what the proxy asks for");
  add("--webhook-proxy-cpu-limit", inject.proxy_cpu_limit, "what the proxy gets at most");
  add("--webhook-proxy-memory-limit", inject.proxy_memory_limit, "what the proxy gets at most");
  add("--webhook-proxy-log-level", inject.log_level, "log level of the proxy");
}

void add_commands(CLI::App& app, Options& options, Texts& texts) {
  CLI::App* check =
      app.add_subcommand("check", "reads the directory and says what is wrong with it");
  check->add_option("DIR", options.directory, "the directory")->required();
  CLI::App* status = app.add_subcommand("status", "asks a running one which nodes have what");
  status->add_option("--admin", texts.admin, "its admin port");
  CLI::App* fetch = app.add_subcommand("fetch", "prints resources of a control plane");
  fetch->add_option("--server", options.fetch.server, "its address")->capture_default_str();
  fetch->add_option("--node", options.fetch.node, "for the node of this id")->capture_default_str();
  fetch->add_option("--type", texts.type, "cluster, endpoint, listener or route");
  fetch->add_option("--name", options.fetch.name, "only this one");
}

Result<void> read_webhook(const Texts& texts, Options& options) {
  const KeyPairFiles& files = texts.webhook_options.files;
  if (texts.webhook.empty()) {
    if (!files.certificate.empty() || !files.key.empty())
      return Error{"--webhook-certificate, --webhook-key: without --webhook ADDRESS:PORT"};
    return {};
  }
  if (files.certificate.empty() || files.key.empty())
    return Error{"--webhook '" + texts.webhook +
                 "': expected --webhook-certificate FILE and --webhook-key FILE with it"};
  options.webhook = texts.webhook_options;
  TRY(options.webhook->address, Endpoint::parse(texts.webhook));
  if (texts.on_refusal == "allow-with-warning")
    options.webhook->admission.on_refusal = OnRefusal::allow_with_warning;
  return {};
}

Result<void> read_texts(const Texts& texts, Options& options) {
  static const std::map<std::string, ResourceType> kTypes{{"cluster", ResourceType::cluster},
                                                          {"endpoint", ResourceType::endpoint},
                                                          {"listener", ResourceType::listener},
                                                          {"route", ResourceType::route}};
  if (!texts.admin.empty()) {
    TRY(options.admin, Endpoint::parse(texts.admin));
  }
  if (!texts.level.empty()) {
    TRY(options.log_level, log::parse_level(texts.level));
  }
  TRY_VOID(read_webhook(texts, options));
  if (texts.type.empty()) return {};
  const auto found = kTypes.find(texts.type);
  if (found == kTypes.end())
    return Error{"type '" + texts.type + "': expected cluster, endpoint, listener or route"};
  options.fetch.type = found->second;
  return {};
}

}  // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CommandLine out;
  Texts texts;
  out.options.fetch.server = out.options.listen;
  out.options.fetch.node = "weir-control";
  CLI::App app{"A small control plane: serves a directory over xDS."};
  app.name("weir-control");
  add_flags(app, out.options, texts);
  add_webhook_flags(app, texts);
  add_injection_flags(app, texts.webhook_options.admission.inject);
  add_commands(app, out.options, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out.text = app.help();
    return out;
  } catch (const CLI::CallForVersion&) {
    out.text = std::string("weir-control " WEIR_VERSION "\n");
    return out;
  } catch (const CLI::ParseError& problem) {
    return Error{std::string(problem.what()) + "; see --help"};
  }
  if (app.got_subcommand("check")) out.options.command = Command::check;
  if (app.got_subcommand("status")) out.options.command = Command::status;
  if (app.got_subcommand("fetch")) out.options.command = Command::fetch;
  TRY_VOID(read_texts(texts, out.options));
  if (out.options.command == Command::serve && out.options.directory.empty() &&
      !out.options.webhook)
    return Error{
        "DIR: expected a directory to serve, --webhook, or one of check, status, fetch; see "
        "--help"};
  return out;
}

}  // namespace weir::control
