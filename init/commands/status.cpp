// SPDX-License-Identifier: Apache-2.0
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/commands/live_rules.hpp"
#include "init/explain/status_report.hpp"
#include "init/install/drift.hpp"
#include "init/install/legacy_iptables.hpp"
#include "init/routing/routing.hpp"

namespace weir::init {
namespace {

Result<void> compare(const LiveRules& live, const Environment& environment, StatusReport& report) {
  report.kept = live.kept;
  report.kept_error = live.kept_error;
  const RedirectConfig config = live.kept ? live.kept->config : RedirectConfig{};
  report.counts = count_purposes(live.observed, config);
  if (!live.kept) return {};
  Drift drift = find_drift(*live.backend, config, *live.observed.rules);
  report.drift = std::move(drift.differences);
  report.left_out = std::move(drift.left_out);
  TRY(report.routing_drift, routing_drift(plan_routing(config)));
  TRY(const auto listeners, read_listeners(environment));
  report.ports = proxy_ports(config, listeners);
  return {};
}

Result<StatusReport> read_status(const CommandContext& context) {
  TRY(LiveRules live, read_live_rules(context.options));
  StatusReport report;
  report.backend = live.backend->name();
  report.installed = live.observed.rules.has_value();
  report.other_nat = live.observed.other_nat;
  if (live.backend->name() == "nftables")
    for (OtherNat& legacy : find_legacy_nat(context.environment))
      report.other_nat.push_back(std::move(legacy));
  if (report.installed) TRY_VOID(compare(live, context.environment, report));
  return report;
}

}  // namespace

int run_status(const CommandContext& context) {
  const auto report = read_status(context);
  if (!report) return fail(report.error());
  if (!write_text("", context.options.json ? status_json(*report) : status_text(*report)))
    return static_cast<int>(ExitCode::other);
  return static_cast<int>(status_code(*report));
}

}  // namespace weir::init
