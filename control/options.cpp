// SPDX-License-Identifier: Apache-2.0
#include "control/options.hpp"

#include <map>

#include <CLI/CLI.hpp>

namespace weir::control {
namespace {

struct Texts {
  std::string admin, level, type;
};

void add_flags(CLI::App& app, Options& options, Texts& texts) {
  app.set_version_flag("--version", "weir-control " WEIR_VERSION);
  app.add_option("DIR", options.directory,
                 "directory of *.yaml and *.json: Envoy resources, ServiceEntry, Service, "
                 "EndpointSlice, VirtualService, DestinationRule, meshConfig");
  app.add_option("--listen", options.listen, "address of the gRPC server")->capture_default_str();
  app.add_option("--admin", texts.admin, "address of the admin port, or of the one to ask");
  app.add_option("-l,--log-level", texts.level, "trace, debug, info, warning, error, off");
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
  if (out.options.command == Command::serve && out.options.directory.empty())
    return Error{"DIR: expected a directory to serve, or one of check, status, fetch; see --help"};
  return out;
}

}  // namespace weir::control
