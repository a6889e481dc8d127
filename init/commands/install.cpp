// SPDX-License-Identifier: Apache-2.0
#include "init/install.hpp"

#include "init/backend_choice.hpp"
#include "init/commands/command.hpp"
#include "init/config_chain.hpp"
#include "init/legacy_iptables.hpp"
#include "init/namespace_lock.hpp"
#include "init/plan.hpp"
#include "init/process.hpp"
#include "init/report.hpp"
#include "init/routing.hpp"

namespace weir::init {
namespace {

// A namespace that changes over to another backend: the new rules are in force, the old ones go.
Result<void> remove_left(const Backend& chosen, const Options& options) {
  TRY(const auto left, open_left_backend(chosen, options.lock_timeout));
  if (left == nullptr) return {};
  TRY_VOID(left->remove());
  write_line(Stream::output, "removed: " + std::string(place_of_rules(left->name())) +
                                 ", where an earlier run installed");
  return {};
}

std::vector<OtherNat> others_of(const InstallReport& report, const Backend& backend,
                                const Environment& environment) {
  auto others = report.other_nat;
  // The legacy backend has looked into these tables itself.
  if (backend.name() != "legacy")
    for (OtherNat& legacy : find_legacy_nat(environment)) others.push_back(std::move(legacy));
  return others;
}

}  // namespace

int run_install(const CommandContext& context) {
  const RedirectConfig& config = context.options.config;
  const Ruleset rules = with_config_chain(plan_ruleset(config), config);
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  const auto opened = open_backend(context.options.backend, context.options.lock_timeout);
  if (!opened) return fail(opened.error());
  Backend& backend = **opened;
  const auto routing_before = read_routing_state();
  if (!routing_before) return fail(routing_before.error());
  std::vector<std::string> routing;
  const auto report = install(backend, rules, [&]() -> Result<void> {
    TRY(routing, apply_routing(plan_routing(context.options.config)));
    return {};
  });
  const bool mismatch = report && report->outcome == Outcome::mismatch;
  // Without the rules they serve nobody.
  if (!report || mismatch) (void)restore_routing(*routing_before);
  if (!report) return fail(report.error());
  for (const OptionalFeature feature : report->missing)
    write_line(Stream::error, describe_missing(feature));
  if (!mismatch)
    if (const auto removed = remove_left(backend, context.options); !removed)
      return fail(removed.error());
  for (const auto& line : describe_conflicts(others_of(*report, backend, context.environment)))
    write_line(Stream::error, line);
  for (const auto& line : backend.notices()) write_line(Stream::error, "warning: " + line);
  const auto stream = mismatch ? Stream::error : Stream::output;
  for (const auto& line : describe_changes(*report)) write_line(stream, line);
  for (const auto& line : routing) write_line(Stream::output, line);
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - context.start;
  write_line(stream, describe_outcome(*report, backend.represent(report->rules), took.count(),
                                      backend.name()));
  return static_cast<int>(mismatch ? ExitCode::verification : ExitCode::ok);
}

}  // namespace weir::init
