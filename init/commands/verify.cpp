// SPDX-License-Identifier: Apache-2.0
#include "init/cli/process.hpp"
#include "init/commands/command.hpp"
#include "init/commands/live_rules.hpp"
#include "init/install/config_chain.hpp"
#include "init/install/namespace_lock.hpp"
#include "init/plan/plan.hpp"
#include "init/verify/verification.hpp"

namespace weir::init {
namespace {

Result<Verification> verify(const Options& options) {
  TRY(const UniqueFd lock, lock_namespace());
  TRY(LiveRules live, read_live_rules(options));
  // The flags given, else those that the rules were installed with.
  if (!options.has_config && !live.observed.rules)
    return Error{"verify: nothing of ours is installed", 0};
  if (!options.has_config && !live.kept)
    return Error{"verify: " + live.kept_error + "; give the flags to compare with", 0};
  const RedirectConfig& config = options.has_config ? options.config : live.kept->config;
  return verify_installation(*live.backend, with_config_chain(plan_ruleset(config), config),
                             config);
}

}  // namespace

int run_verify(const CommandContext& context) {
  const Options& options = context.options;
  const auto verification = verify(options);
  if (!verification && verification.error().code == 0)
    return fail(verification.error(), ExitCode::verification);
  if (!verification) return fail(verification.error());
  const std::chrono::duration<double, std::milli> took =
      std::chrono::steady_clock::now() - context.start;
  const bool passed = verification->passed();
  if (options.json)
    (void)write_text("", to_json(*verification));
  else
    for (const auto& line : describe(*verification, took.count()))
      write_line(passed ? Stream::output : Stream::error, line);
  if (passed) return 0;
  return static_cast<int>(options.run_validation ? ExitCode::validation : ExitCode::verification);
}

}  // namespace weir::init
