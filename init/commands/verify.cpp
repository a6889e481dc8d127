// SPDX-License-Identifier: Apache-2.0
#include "init/backend_choice.hpp"
#include "init/commands/command.hpp"
#include "init/config_chain.hpp"
#include "init/namespace_lock.hpp"
#include "init/plan.hpp"
#include "init/process.hpp"
#include "init/verify/verification.hpp"

namespace weir::init {
namespace {

// What to compare with: the flags given, else those that the rules were installed with.
Result<RedirectConfig> wanted_config(const Options& options, Backend& backend) {
  if (options.has_config) return options.config;
  TRY(const Observed observed, backend.read());
  if (!observed.rules) return Error{"verify: nothing of ours is installed", 0};
  TRY(KeptConfig kept, config_of(*observed.rules));
  return std::move(kept.config);
}

Result<Verification> verify(const Options& options) {
  auto lock = lock_namespace();
  if (!lock) return lock.error();
  auto backend = open_backend(options.backend, options.lock_timeout);
  if (!backend) return backend.error();
  TRY(const RedirectConfig config, wanted_config(options, **backend));
  return verify_installation(**backend, with_config_chain(plan_ruleset(config), config), config);
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
