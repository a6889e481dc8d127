// SPDX-License-Identifier: Apache-2.0
#include "init/install.hpp"

#include "init/commands/command.hpp"
#include "init/config_chain.hpp"
#include "init/legacy_iptables.hpp"
#include "init/namespace_lock.hpp"
#include "init/nft/nft_backend.hpp"
#include "init/plan.hpp"
#include "init/process.hpp"
#include "init/report.hpp"
#include "init/routing.hpp"

namespace weir::init {

int run_install(const CommandContext& context) {
  const RedirectConfig& config = context.options.config;
  const Ruleset rules = with_config_chain(plan_ruleset(config), config);
  const auto lock = lock_namespace();
  if (!lock) return fail(lock.error());
  auto backend = NftBackend::open();
  if (!backend) return fail(backend.error());
  const auto routing_before = read_routing_state();
  if (!routing_before) return fail(routing_before.error());
  std::vector<std::string> routing;
  const auto report = install(*backend, rules, [&]() -> Result<void> {
    TRY(routing, apply_routing(plan_routing(context.options.config)));
    return {};
  });
  if (!report) {
    // Without the rules they serve nobody.
    (void)restore_routing(*routing_before);
    return fail(report.error());
  }
  auto others = report->other_nat;
  for (OtherNat& legacy : find_legacy_nat(context.environment)) others.push_back(std::move(legacy));
  for (const auto& line : describe_conflicts(others)) write_line(Stream::error, line);
  const auto stream = report->outcome == Outcome::mismatch ? Stream::error : Stream::output;
  for (const auto& line : describe_changes(*report)) write_line(stream, line);
  for (const auto& line : routing) write_line(Stream::output, line);
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - context.start;
  write_line(stream, describe_outcome(*report, rules, took.count()));
  return static_cast<int>(report->outcome == Outcome::mismatch ? ExitCode::verification
                                                               : ExitCode::ok);
}

}  // namespace weir::init
