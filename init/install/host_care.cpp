// SPDX-License-Identifier: Apache-2.0
#include "init/install/host_care.hpp"

#include <cerrno>
#include <charconv>

#include <unistd.h>

#include "init/install/network_namespace.hpp"
#include "init/system/small_file.hpp"

namespace weir::init {
namespace {

constexpr int kMostParents = 16;
constexpr std::string_view kVariable = "SSH_CONNECTION=";

bool changes_namespace(const Options& options) {
  if (options.dry_run || options.cleanup_only) return false;
  if (options.command == Command::install)
    return !options.skip_rule_apply || options.run_validation;
  return options.command == Command::watch || options.command == Command::verify;
}

// Fourth field of /proc/PID/stat; the second one, the name, may hold blanks and brackets.
std::string parent_of(const std::string& stat) {
  const auto end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos) return {};
  const auto fields = fields_of(stat.substr(end_of_name + 1));  // the state, then the parent
  return fields.size() < 2 ? std::string() : fields[1];
}

std::optional<std::string> variable_in(const std::string& environ) {
  for (std::size_t at = 0; at < environ.size();) {
    const std::size_t end = std::min(environ.find('\0', at), environ.size());
    if (environ.compare(at, kVariable.size(), kVariable) == 0)
      return environ.substr(at + kVariable.size(), end - at - kVariable.size());
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Endpoint> ssh_server(const std::string& ssh_connection) {
  const auto fields = fields_of(ssh_connection);
  if (fields.size() < 4) return std::nullopt;
  const std::string& server = fields[2];
  std::uint16_t port = 0;
  const char* const end = fields[3].data() + fields[3].size();
  if (std::from_chars(fields[3].data(), end, port).ptr != end || port == 0) return std::nullopt;
  const auto address = IpAddress::parse(server.substr(0, server.find('%')));
  if (!address) return std::nullopt;
  return Endpoint{*address, port};
}

std::optional<std::string> ssh_connection(const Environment& environment) {
  if (auto own = environment.variable("SSH_CONNECTION")) return own;
  std::string pid = std::to_string(getppid());
  for (int i = 0; i < kMostParents && pid != "0" && !pid.empty(); ++i) {
    if (const auto environ = environment.read_file("/proc/" + pid + "/environ"))
      if (auto found = variable_in(*environ)) return found;
    const auto stat = environment.read_file("/proc/" + pid + "/stat");
    if (!stat) return std::nullopt;
    pid = parent_of(*stat);
  }
  return std::nullopt;
}

Result<void> take_care_of_host(Options& options, const Environment& environment) {
  if (!changes_namespace(options)) return {};
  const std::string evidence = evidence_of_host_namespace(environment);
  if (evidence.empty()) return {};
  if (!options.host)
    return Error{
        "network namespace: this is the machine's own (" + evidence +
            "), where redirection meets every connection of the machine; give --host (or "
            "WEIR_HOST=true) when that is meant, best with --confirm 60s, or name another one with "
            "--network-namespace",
        EEXIST};
  const auto connection = ssh_connection(environment);
  const auto server = connection ? ssh_server(*connection) : std::nullopt;
  if (!server || options.config.inbound_ports.empty()) return {};
  const std::uint16_t port = server->port;
  if (!options.config.inbound_ports.is_all()) {
    if (options.config.inbound_ports.contains(port))
      options.warnings.push_back("-b captures port " + std::to_string(port) +
                                 ", where the present SSH connection came in: the next one will "
                                 "meet the proxy");
    return {};
  }
  if (options.config.inbound_excluded_ports.contains(port)) return {};
  options.config.inbound_excluded_ports.add({port, port});
  options.warnings.push_back("port " + std::to_string(port) +
                             " is left alone: the present SSH connection came in by it");
  return {};
}

}  // namespace weir::init
