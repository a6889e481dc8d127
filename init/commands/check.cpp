// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cstdlib>
#include <memory>

#include <dirent.h>
#include <unistd.h>

#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/commands/live_rules.hpp"
#include "init/explain/preflight.hpp"
#include "init/install/config_chain.hpp"
#include "init/install/legacy_iptables.hpp"
#include "init/install/network_namespace.hpp"
#include "init/plan/plan.hpp"

namespace weir::init {
namespace {

std::optional<std::pair<dev_t, ino_t>> namespace_of(const std::string& process) {
  struct stat status {};
  if (::stat(("/proc/" + process + "/ns/net").c_str(), &status) != 0) return std::nullopt;
  return std::pair{status.st_dev, status.st_ino};
}

// Processes of other users can hide their namespace from one without CAP_SYS_PTRACE; they are left
// out.
std::vector<ProcessFact> find_processes(const Environment& environment) {
  std::vector<ProcessFact> processes;
  const auto mine = namespace_of("self");
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
    const std::string name = entry->d_name;
    const int pid = std::atoi(name.c_str());  // 0: not a process
    if (pid == 0 || pid == ::getpid() || !mine || namespace_of(name) != mine) continue;
    const auto status = environment.read_file("/proc/" + name + "/status");
    if (!status) continue;
    if (auto process = parse_process(pid, *status)) processes.push_back(*std::move(process));
  }
  return processes;
}

void look_at_rules(const Options& options, const Environment& environment, PreflightFacts& facts) {
  auto live = read_live_rules(options);
  if (!live) {
    facts.backend_error = live.error();
    return;
  }
  facts.backend = live->backend->name();
  facts.installed = live->observed.rules.has_value();
  facts.other_nat = live->observed.other_nat;
  if (facts.backend != "nftables") return;
  for (OtherNat& legacy : find_legacy_nat(environment))
    facts.other_nat.push_back(std::move(legacy));
  auto features = probe_features(facts.installed);
  if (!features) {
    facts.features_error = features.error();
    return;
  }
  facts.features = *std::move(features);
  if (facts.installed) return;
  const auto rules = probe_rules(with_config_chain(plan_ruleset(options.config), options.config));
  if (!rules) facts.refused_rules = rules.error();
}

PreflightFacts gather(const CommandContext& context) {
  PreflightFacts facts;
  facts.surroundings = surroundings();
  facts.host_evidence = evidence_of_host_namespace(context.environment);
  facts.host_allowed = context.options.host;
  look_at_rules(context.options, context.environment, facts);
  facts.processes = find_processes(context.environment);
  if (auto listeners = read_listeners(context.environment)) facts.listeners = *std::move(listeners);
  if (const auto text = context.environment.read_file("/proc/net/if_inet6"))
    facts.ipv6_addresses = parse_ipv6_addresses(*text);
  facts.application = context.options.explain.uid;
  return facts;
}

}  // namespace

int run_check(const CommandContext& context) {
  const auto findings = judge(gather(context), context.options.config);
  const std::string text =
      context.options.json ? preflight_json(findings) : preflight_text(findings);
  if (!write_text("", text)) return static_cast<int>(ExitCode::other);
  return static_cast<int>(preflight_code(findings));
}

}  // namespace weir::init
